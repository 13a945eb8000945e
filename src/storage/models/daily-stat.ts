import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** How often something happened on a day. */
export class DailyStat extends Model<InferAttributes<DailyStat>, InferCreationAttributes<DailyStat>> {
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare metric: string;
  declare count: number;
}

define(DailyStat, 'daily_stats', {
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  metric: { type: DataTypes.TEXT, primaryKey: true },
  count: { type: DataTypes.BIGINT, allowNull: false },
});

/** That an account signed in on a day; kept until the day is over. */
export class DailyActive extends Model<InferAttributes<DailyActive>, InferCreationAttributes<DailyActive>> {
  declare accountId: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
}

define(DailyActive, 'daily_active', {
  accountId: { ...ownAccount(), primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
});
