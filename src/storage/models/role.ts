import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** A role that was made here; the built-in ones are none. */
export class Role extends Model<InferAttributes<Role>, InferCreationAttributes<Role>> {
  declare name: string;
  declare description: CreationOptional<string>;
  /** Of the management API. */
  declare permissions: CreationOptional<string[]>;
  /** Scopes of APIs that enforce roles, by the API's identifier. */
  declare scopes: CreationOptional<Record<string, string[]>>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Role, 'roles', {
  name: { type: DataTypes.TEXT, primaryKey: true },
  description: { type: DataTypes.TEXT, allowNull: false, defaultValue: '' },
  permissions: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  scopes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
