import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, define } from './define.ts';

/** A message that was committed with the change that caused it, until it is sent or given up. */
export class OutboxMessage extends Model<
  InferAttributes<OutboxMessage>,
  InferCreationAttributes<OutboxMessage>
> {
  declare id: string;
  declare kind: CreationOptional<string>;
  /** The recipient, where an unreachable one is not retried for each message: a client. */
  declare recipient: CreationOptional<string | null>;
  /** At most one message per cause. */
  declare cause: string;
  /** Encrypted by kind if it holds a secret; null once completed. */
  declare content: Buffer | null;
  /** Kind of mail and its recipient: what operators may see of a waiting message. */
  declare template: CreationOptional<string | null>;
  declare address: CreationOptional<string | null>;
  declare attempts: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  /** The next try, or the end of the lease of the one under way. */
  declare dueAt: CreationOptional<Date>;
  /** Until when the cause of a completed message is remembered; null while it waits. */
  declare expiresAt: CreationOptional<Date | null>;
  /** Why the last attempt failed. */
  declare error: CreationOptional<string | null>;
  /** When mail was given up. It is not due again unless an operator resends it. */
  declare failedAt: CreationOptional<Date | null>;
}

define(OutboxMessage, 'outbox', {
  id: { type: DataTypes.UUID, primaryKey: true },
  kind: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'mail' },
  recipient: DataTypes.TEXT,
  cause: { type: DataTypes.TEXT, allowNull: false, unique: true },
  content: DataTypes.BLOB,
  template: DataTypes.TEXT,
  address: DataTypes.TEXT,
  attempts: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  createdAt: createdAt(),
  dueAt: createdAt(),
  expiresAt: DataTypes.DATE,
  error: DataTypes.TEXT,
  failedAt: DataTypes.DATE,
});
