import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** That an account called an operation of a contract on a day. */
export class ContractUser extends Model<
  InferAttributes<ContractUser>,
  InferCreationAttributes<ContractUser>
> {
  declare door: string;
  declare operation: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare accountId: string;
}

define(ContractUser, 'contract_users', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  operation: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  accountId: { ...ownAccount(), primaryKey: true },
});
