import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** What a directory says of an account over SCIM, beside what the account itself has. */
export class DirectoryEntry extends Model<
  InferAttributes<DirectoryEntry>,
  InferCreationAttributes<DirectoryEntry>
> {
  declare accountId: string;
  declare userName: string;
  /** What uniqueness is decided on: NFKC, case-folded. */
  declare userNameKey: string;
  /** The keys of all its addresses. */
  declare emailKeys: CreationOptional<string[]>;
  /** By their SCIM names. The address that is the account's has no value: the account has it. */
  declare attributes: CreationOptional<Record<string, unknown>>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(DirectoryEntry, 'directory_entries', {
  accountId: { type: DataTypes.UUID, primaryKey: true, references: { model: 'users', key: 'id' } },
  userName: { type: DataTypes.TEXT, allowNull: false },
  userNameKey: { type: DataTypes.TEXT, allowNull: false, unique: true },
  emailKeys: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  attributes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
