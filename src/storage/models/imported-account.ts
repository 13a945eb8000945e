import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What an account is called at the service that it came from. */
export class ImportedAccount extends Model<
  InferAttributes<ImportedAccount>,
  InferCreationAttributes<ImportedAccount>
> {
  /** The name of the service. */
  declare source: string;
  /** The account's id there. */
  declare sourceId: string;
  declare accountId: string;
  /** SHA-256 of the record as it was imported last. */
  declare recordDigest: string;
  /** SHA-256 of the password hash as it was imported; null without one. */
  declare passwordDigest: string | null;
  /** What the service kept besides. */
  declare attributes: Record<string, unknown> | null;
  /** The run that wrote the row last. */
  declare run: string;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(ImportedAccount, 'imported_accounts', {
  source: { type: DataTypes.TEXT, primaryKey: true },
  sourceId: { type: DataTypes.TEXT, primaryKey: true },
  accountId: ownAccount(),
  recordDigest: { type: DataTypes.TEXT, allowNull: false },
  passwordDigest: DataTypes.TEXT,
  attributes: DataTypes.JSONB,
  run: { type: DataTypes.UUID, allowNull: false },
  createdAt: createdAt(),
  updatedAt: createdAt(),
});
