import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** The one row of settings that were changed at run time. */
export class RuntimeSettings extends Model<
  InferAttributes<RuntimeSettings>,
  InferCreationAttributes<RuntimeSettings>
> {
  declare id: CreationOptional<boolean>;
  /** By key, `registration.open`. */
  declare settings: CreationOptional<Record<string, unknown>>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare updatedAt: CreationOptional<Date>;
}

define(RuntimeSettings, 'runtime_settings', {
  id: { type: DataTypes.BOOLEAN, primaryKey: true, defaultValue: true },
  settings: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
