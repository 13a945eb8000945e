import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** A counter with an end, where there is no Redis. The table is unlogged. */
export class Counter extends Model<InferAttributes<Counter>, InferCreationAttributes<Counter>> {
  declare key: string;
  declare points: CreationOptional<number>;
  /** Milliseconds since the epoch. */
  declare expire: number | null;
}

define(Counter, 'counters', {
  key: { type: DataTypes.TEXT, primaryKey: true },
  points: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  expire: DataTypes.BIGINT,
});
