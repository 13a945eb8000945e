import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define } from './define.ts';

/** A key of a program, by its hash: the key itself is not stored. */
export class ApiKey extends Model<InferAttributes<ApiKey>, InferCreationAttributes<ApiKey>> {
  declare id: string;
  /** The start of the key: enough to tell it from others, too little to use. */
  declare prefix: string;
  declare hash: string;
  declare name: string;
  declare permissions: CreationOptional<string[]>;
  /** Whose key it is; null for one of the operator's. */
  declare accountId: string | null;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date | null;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(ApiKey, 'api_keys', {
  id: { type: DataTypes.UUID, primaryKey: true },
  prefix: { type: DataTypes.TEXT, allowNull: false },
  hash: { type: DataTypes.TEXT, allowNull: false, unique: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  permissions: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  accountId: { type: DataTypes.UUID, references: { model: 'users', key: 'id' }, onDelete: 'CASCADE' },
  createdAt: createdAt(),
  expiresAt: DataTypes.DATE,
  lastUsedAt: DataTypes.DATE,
});
