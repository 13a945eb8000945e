import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define } from './define.ts';

/** What a client has of a session. */
export interface Authorization {
  sid?: string;
  grantId?: string;
  persistsLogout?: boolean;
}

/** Any other record of oidc-provider, by the hash of its id. */
export class OidcRecord extends Model<InferAttributes<OidcRecord>, InferCreationAttributes<OidcRecord>> {
  declare model: string;
  /** SHA-256, base64url: a token is never stored. */
  declare id: string;
  declare payload: Record<string, unknown>;
  /** Of a session: what each client has of it, apart from the payload so that two saves can be joined. */
  declare authorizations: CreationOptional<Record<string, Authorization> | null>;
  declare grantId: CreationOptional<string | null>;
  /** Of a record without a grant; the others have their grant's. */
  declare accountId: CreationOptional<string | null>;
  declare clientId: CreationOptional<string | null>;
  /** Of a session: what stays the same when its id changes. */
  declare uid: CreationOptional<string | null>;
  /** When it was used; of a session, when it ended. */
  declare consumedAt: CreationOptional<Date | null>;
  /** When a request took it to be answered with it; null again once that has been settled. */
  declare claimedAt: CreationOptional<Date | null>;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date;
}

define(OidcRecord, 'oidc_records', {
  model: { type: DataTypes.TEXT, primaryKey: true },
  id: { type: DataTypes.TEXT, primaryKey: true },
  payload: { type: DataTypes.JSON, allowNull: false },
  authorizations: DataTypes.JSONB,
  grantId: { type: DataTypes.TEXT, references: { model: 'oidc_grants', key: 'id' }, onDelete: 'CASCADE' },
  accountId: { type: DataTypes.UUID, references: { model: 'users', key: 'id' }, onDelete: 'CASCADE' },
  clientId: DataTypes.TEXT,
  uid: DataTypes.TEXT,
  consumedAt: DataTypes.DATE,
  claimedAt: DataTypes.DATE,
  createdAt: createdAt(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
