import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** A step that a browser carries sealed and that was used: it does not serve twice. */
export class UsedStep extends Model<InferAttributes<UsedStep>, InferCreationAttributes<UsedStep>> {
  declare id: string;
  /** When the step itself would have ended. */
  declare expiresAt: Date;
}

define(UsedStep, 'used_steps', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
