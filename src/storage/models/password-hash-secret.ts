import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define, sealed } from './define.ts';

/** What the imported password hashes of a source share and nobody may see. */
export class PasswordHashSecret extends Model<
  InferAttributes<PasswordHashSecret>,
  InferCreationAttributes<PasswordHashSecret>
> {
  declare id: string;
  /** Base64 by name; encrypted in the table. */
  declare secrets: Record<string, string>;
  declare createdAt: CreationOptional<Date>;
}

define(PasswordHashSecret, 'password_hash_secrets', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  secrets: { ...sealed('password-hash-secrets', 'json'), allowNull: false },
  createdAt: createdAt(),
});
