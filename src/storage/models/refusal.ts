import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** What was refused to a client, once or more often. */
export class Refusal extends Model<InferAttributes<Refusal>, InferCreationAttributes<Refusal>> {
  declare clientId: string;
  /** Names what is different from the client's other ones. */
  declare fingerprint: string;
  declare endpoint: string;
  declare error: string;
  declare parameter: string | null;
  declare value: string | null;
  declare reason: string;
  declare count: number;
  declare firstAt: Date;
  declare lastAt: Date;
  /** Of the last one. */
  declare requestId: string;
  declare expiresAt: Date;
}

define(Refusal, 'refusals', {
  clientId: {
    type: DataTypes.TEXT,
    primaryKey: true,
    references: { model: 'clients', key: 'id' },
    onDelete: 'CASCADE',
  },
  fingerprint: { type: DataTypes.TEXT, primaryKey: true },
  endpoint: { type: DataTypes.TEXT, allowNull: false },
  error: { type: DataTypes.TEXT, allowNull: false },
  parameter: DataTypes.TEXT,
  value: DataTypes.TEXT,
  reason: { type: DataTypes.TEXT, allowNull: false },
  count: { type: DataTypes.BIGINT, allowNull: false },
  firstAt: { type: DataTypes.DATE, allowNull: false },
  lastAt: { type: DataTypes.DATE, allowNull: false },
  requestId: { type: DataTypes.TEXT, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
