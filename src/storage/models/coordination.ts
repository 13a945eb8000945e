import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { define } from './define.ts';

/** A row that transactions lock, where there are no advisory locks. */
export class Lock extends Model<InferAttributes<Lock>, InferCreationAttributes<Lock>> {
  declare slot: number;
}

define(Lock, 'locks', { slot: { type: DataTypes.INTEGER, primaryKey: true } });

/** A change announced to the other nodes, where there is no LISTEN. */
export class Announcement extends Model<
  InferAttributes<Announcement>,
  InferCreationAttributes<Announcement>
> {
  declare id: CreationOptional<string>;
  declare at: CreationOptional<Date>;
  declare topic: string;
  declare key: string;
}

define(Announcement, 'announcements', {
  id: { type: DataTypes.UUID, primaryKey: true },
  at: { type: DataTypes.DATE, allowNull: false },
  topic: { type: DataTypes.TEXT, allowNull: false },
  key: { type: DataTypes.TEXT, allowNull: false },
});
