import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define, sealed } from './define.ts';
import type { Allowed } from './consent.ts';

/** A request of a client to sign an account in (OpenID Connect CIBA Core 1.0) that waits for its answer. */
export class CibaRequest extends Model<InferAttributes<CibaRequest>, InferCreationAttributes<CibaRequest>> {
  declare id: string;
  declare accountId: string;
  declare clientId: string;
  /** Encrypted in the table: once there is an answer it is as good as the tokens. */
  declare authReqId: string;
  /** What the client would be allowed. */
  declare asked: Allowed;
  declare bindingMessage: string | null;
  /** The weakest login that the client is content with; null for any. */
  declare acr: string | null;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date;
}

define(CibaRequest, 'login_requests', {
  id: { type: DataTypes.UUID, primaryKey: true },
  accountId: ownAccount(),
  clientId: {
    type: DataTypes.TEXT,
    allowNull: false,
    references: { model: 'clients', key: 'id' },
    onDelete: 'CASCADE',
  },
  authReqId: { ...sealed('auth-req-id'), allowNull: false },
  asked: { type: DataTypes.JSONB, allowNull: false },
  bindingMessage: DataTypes.TEXT,
  acr: DataTypes.TEXT,
  createdAt: createdAt(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
