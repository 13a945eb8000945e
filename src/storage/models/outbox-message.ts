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
  /** Whom it goes to, where what cannot be reached is not tried again for each message: a client. */
  declare recipient: CreationOptional<string | null>;
  /** One cause, one message, however often it is asked for. */
  declare cause: string;
  /** Sealed by kind if it holds a secret; null once it is over. */
  declare content: Buffer | null;
  /** The kind of mail, and the address that it goes to: what operators may see of it while it waits. */
  declare template: CreationOptional<string | null>;
  declare address: CreationOptional<string | null>;
  declare attempts: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  /** The next try, or the end of the lease of the one under way. */
  declare dueAt: CreationOptional<Date>;
  /** How long the cause of a message that is over is remembered; null while it waits. */
  declare expiresAt: CreationOptional<Date | null>;
  /** Why the last attempt failed. */
  declare error: CreationOptional<string | null>;
  /** When mail was given up: it is never due again, unless an operator says so. */
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
