import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** That a contract was opened or closed at run time. */
export class ContractState extends Model<
  InferAttributes<ContractState>,
  InferCreationAttributes<ContractState>
> {
  declare name: string;
  declare open: boolean;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare updatedAt: CreationOptional<Date>;
}

define(ContractState, 'contract_states', {
  name: { type: DataTypes.TEXT, primaryKey: true },
  open: { type: DataTypes.BOOLEAN, allowNull: false },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
