import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** How often a program or an address called a contract on a day. */
export class ContractCaller extends Model<
  InferAttributes<ContractCaller>,
  InferCreationAttributes<ContractCaller>
> {
  declare door: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare kind: 'client' | 'address';
  /** Empty for all those beyond the bound. */
  declare caller: string;
  declare requests: number;
  declare lastUsedAt: Date;
}

define(ContractCaller, 'contract_callers', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  kind: { type: DataTypes.TEXT, primaryKey: true },
  caller: { type: DataTypes.TEXT, primaryKey: true },
  requests: { type: DataTypes.BIGINT, allowNull: false },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
});
