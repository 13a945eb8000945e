import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, define, sealed } from './define.ts';

/** Why nothing is sent to an address: an operator disabled it, it answered 410, or three days passed without success. */
export type DisabledReason = 'operator' | 'gone' | 'failing';

/** An address that operators have events sent to. */
export class Webhook extends Model<InferAttributes<Webhook>, InferCreationAttributes<Webhook>> {
  declare id: string;
  declare url: string;
  declare description: CreationOptional<string>;
  /** Types of the audit, `noun.*` or `*`. */
  declare eventTypes: string[];
  /** `whsec_…`; encrypted in the table. */
  declare secret: string;
  /** The former secret, which signs beside it until it expires. */
  declare formerSecret: CreationOptional<string | null>;
  declare formerSecretExpiresAt: CreationOptional<Date | null>;
  declare enabled: CreationOptional<boolean>;
  declare disabledAt: CreationOptional<Date | null>;
  declare disabledReason: CreationOptional<DisabledReason | null>;
  /** Attempts since the last one that succeeded. */
  declare failures: CreationOptional<number>;
  declare failingSince: CreationOptional<Date | null>;
  declare lastSuccessAt: CreationOptional<Date | null>;
  /** One node at a time sends to it. */
  declare leasedUntil: CreationOptional<Date>;
  /** Nothing is sent to it before then. */
  declare pausedUntil: CreationOptional<Date>;
  /** Goes up with every change by operators. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Webhook, 'webhooks', {
  id: { type: DataTypes.UUID, primaryKey: true },
  url: { type: DataTypes.TEXT, allowNull: false },
  description: { type: DataTypes.TEXT, allowNull: false, defaultValue: '' },
  eventTypes: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false },
  secret: { ...sealed('webhook-secret'), allowNull: false },
  formerSecret: sealed('webhook-secret'),
  formerSecretExpiresAt: DataTypes.DATE,
  enabled: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
  disabledAt: DataTypes.DATE,
  disabledReason: DataTypes.TEXT,
  failures: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  failingSince: DataTypes.DATE,
  lastSuccessAt: DataTypes.DATE,
  leasedUntil: createdAt(),
  pausedUntil: createdAt(),
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

export const DELIVERY_STATUSES = ['waiting', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** The delivery of one event to one address. */
export class WebhookDelivery extends Model<
  InferAttributes<WebhookDelivery>,
  InferCreationAttributes<WebhookDelivery>
> {
  declare id: string;
  declare webhookId: string;
  /** The id of the audit's event, by which receivers recognize it. */
  declare eventId: string;
  declare type: string;
  declare data: Record<string, unknown>;
  /** When it happened. */
  declare at: Date;
  declare status: CreationOptional<DeliveryStatus>;
  declare attempts: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  /** The next attempt, or the end of the lease of the one under way. */
  declare dueAt: CreationOptional<Date>;
  declare attemptedAt: CreationOptional<Date | null>;
  declare responseStatus: CreationOptional<number | null>;
  /** Why the last attempt failed. */
  declare error: CreationOptional<string | null>;
  declare finishedAt: CreationOptional<Date | null>;
  declare expiresAt: CreationOptional<Date | null>;
}

define(WebhookDelivery, 'webhook_deliveries', {
  id: { type: DataTypes.UUID, primaryKey: true },
  webhookId: {
    type: DataTypes.UUID,
    allowNull: false,
    references: { model: 'webhooks', key: 'id' },
    onDelete: 'CASCADE',
  },
  eventId: { type: DataTypes.UUID, allowNull: false },
  type: { type: DataTypes.TEXT, allowNull: false },
  data: { type: DataTypes.JSONB, allowNull: false },
  at: { type: DataTypes.DATE, allowNull: false },
  status: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'waiting' },
  attempts: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  createdAt: createdAt(),
  dueAt: createdAt(),
  attemptedAt: DataTypes.DATE,
  responseStatus: DataTypes.INTEGER,
  error: DataTypes.TEXT,
  finishedAt: DataTypes.DATE,
  expiresAt: DataTypes.DATE,
});
