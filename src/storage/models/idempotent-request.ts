import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define, sealed } from './define.ts';

/** What a request with an Idempotency-Key was answered, without secrets. */
export interface KeptReply {
  status: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** A request that was done and will not be done again. */
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
