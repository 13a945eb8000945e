import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define } from './define.ts';

/** What a directory is let in with, by its hash: the token itself is not stored. */
export class ScimToken extends Model<InferAttributes<ScimToken>, InferCreationAttributes<ScimToken>> {
  declare id: string;
  declare name: string;
  declare hash: string;
  declare createdAt: CreationOptional<Date>;
  /** Null: until it is revoked. */
  declare expiresAt: Date | null;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(ScimToken, 'scim_tokens', {
  id: { type: DataTypes.UUID, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  hash: { type: DataTypes.TEXT, allowNull: false, unique: true },
  createdAt: createdAt(),
  expiresAt: DataTypes.DATE,
  lastUsedAt: DataTypes.DATE,
});
