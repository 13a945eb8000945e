import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** How often an operation of a contract was called on a day. */
export class ContractUsage extends Model<
  InferAttributes<ContractUsage>,
  InferCreationAttributes<ContractUsage>
> {
  declare door: string;
  declare operation: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare requests: number;
  declare lastUsedAt: Date;
}

define(ContractUsage, 'contract_usage', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  operation: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  requests: { type: DataTypes.BIGINT, allowNull: false },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
});
