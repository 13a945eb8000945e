import { DataTypes, type InferAttributes, type InferCreationAttributes, Model } from 'sequelize';
import { define, ownAccount, ownClient, sealed } from './define.ts';

/** What refusals have in common. */
abstract class RefusedRequest<M extends Model> extends Model<InferAttributes<M>, InferCreationAttributes<M>> {
  declare clientId: string;
  /** Distinguishes it from the client's other ones. */
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

/** A refusal to a client, once or more often. */
export class Refusal extends RefusedRequest<Refusal> {}

const refusedRequest = {
  clientId: { ...ownClient(), primaryKey: true },
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
};

define(Refusal, 'refusals', refusedRequest);

/** A refusal to a client whose request concerned a known account. */
export class AccountRefusal extends RefusedRequest<AccountRefusal> {
  declare accountId: string;
}

define(AccountRefusal, 'account_refusals', {
  accountId: { ...ownAccount(), primaryKey: true },
  ...refusedRequest,
});

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

/** An account's login on a day; kept until the day is over. */
export class DailyActive extends Model<InferAttributes<DailyActive>, InferCreationAttributes<DailyActive>> {
  declare accountId: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
}

define(DailyActive, 'daily_active', {
  // No foreign key, as in `ContractUser`.
  accountId: { type: DataTypes.UUID, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
});

/** The response to a request with an Idempotency-Key, without secrets. */
export interface KeptReply {
  status: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** A completed request, not to be repeated. */
export class IdempotentRequest extends Model<
  InferAttributes<IdempotentRequest>,
  InferCreationAttributes<IdempotentRequest>
> {
  /** HMAC-SHA-256 under SECRETS_KEY of the caller, the method, the path and the key. */
  declare key: string;
  /** The same of the body. */
  declare fingerprint: string;
  declare reply: KeptReply;
  declare expiresAt: Date;
}

define(IdempotentRequest, 'idempotent_requests', {
  key: { type: DataTypes.TEXT, primaryKey: true },
  fingerprint: { type: DataTypes.TEXT, allowNull: false },
  reply: { ...sealed('idempotent reply', 'json'), allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
