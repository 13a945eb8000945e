import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define, ownAccount, ownClient, sealed } from './define.ts';

/** A client's part in a session. */
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
  /** Of a session: each client's part, outside the payload so that two saves can be merged. */
  declare authorizations: CreationOptional<Record<string, Authorization> | null>;
  declare grantId: CreationOptional<string | null>;
  /** Only for a record without a grant; others use their grant's. */
  declare accountId: CreationOptional<string | null>;
  declare clientId: CreationOptional<string | null>;
  /** Of a session: what stays the same when its id changes. */
  declare uid: CreationOptional<string | null>;
  /** When it was used; of a session, when it ended. */
  declare consumedAt: CreationOptional<Date | null>;
  /** When a request claimed it; null again once that is settled. */
  declare claimedAt: CreationOptional<Date | null>;
  /** Where its last claim came from, for those who made it. */
  declare claimedFrom: CreationOptional<string | null>;
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
  claimedFrom: DataTypes.TEXT,
  createdAt: createdAt(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

/** The part of a grant that we read. */
export interface GrantPayload {
  [member: string]: unknown;
  openid?: { scope?: string; claims?: string[] };
  /** Scopes by API identifier. */
  resources?: Record<string, string>;
}

/** A grant of oidc-provider: what was issued under it is deleted with it. */
export class OidcGrant extends Model<InferAttributes<OidcGrant>, InferCreationAttributes<OidcGrant>> {
  /** In plain text: it grants no access. */
  declare id: string;
  declare accountId: string | null;
  declare clientId: string | null;
  /** `json`: what a client sent may hold the character NUL, which `jsonb` refuses. */
  declare payload: GrantPayload;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date;
}

define(OidcGrant, 'oidc_grants', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  accountId: { type: DataTypes.UUID, references: { model: 'users', key: 'id' }, onDelete: 'CASCADE' },
  clientId: DataTypes.TEXT,
  payload: { type: DataTypes.JSON, allowNull: false },
  createdAt: createdAt(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

/** What an account allows a client. */
export interface Allowed {
  oidcScopes: string[];
  oidcClaims: string[];
  /** Scopes by API identifier. */
  resourceScopes: Record<string, string[]>;
}

/** What an account allowed a client, remembered beyond the session. */
export class Consent extends Model<InferAttributes<Consent>, InferCreationAttributes<Consent>> {
  declare accountId: string;
  declare clientId: string;
  declare allowed: Allowed;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Consent, 'consents', {
  accountId: { ...ownAccount(), primaryKey: true },
  clientId: { ...ownClient(), primaryKey: true },
  allowed: { type: DataTypes.JSONB, allowNull: false },
  createdAt: createdAt(),
  updatedAt: createdAt(),
});

/** What an agent does for an account. */
export class ActingAgent extends Model<InferAttributes<ActingAgent>, InferCreationAttributes<ActingAgent>> {
  declare accountId: string;
  declare clientId: string;
  /** Named by the tokens that it got by exchange; null without such tokens. */
  declare delegation: string | null;
  /** Scopes that it got by exchange, by API identifier. */
  declare resourceScopes: CreationOptional<Record<string, string[]>>;
  declare lastUsedAt: Date;
  declare createdAt: CreationOptional<Date>;
  /** When the person ended it. */
  declare endedAt: Date | null;
}

define(ActingAgent, 'acting_agents', {
  accountId: { ...ownAccount(), primaryKey: true },
  clientId: { ...ownClient(), primaryKey: true },
  delegation: DataTypes.TEXT,
  resourceScopes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
  createdAt: createdAt(),
  endedAt: DataTypes.DATE,
});

/** Revocation of one access token, or of all tokens of a grant or a client. */
export class RevocationMark extends Model<
  InferAttributes<RevocationMark>,
  InferCreationAttributes<RevocationMark>
> {
  declare kind: 'token' | 'grant' | 'client';
  declare key: string;
  /** When the last of them has expired on every node. */
  declare expiresAt: Date;
}

define(RevocationMark, 'revocation_marks', {
  kind: { type: DataTypes.TEXT, primaryKey: true },
  key: { type: DataTypes.TEXT, primaryKey: true },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

/** A pending backchannel request (OpenID Connect CIBA Core 1.0). */
export class CibaRequest extends Model<InferAttributes<CibaRequest>, InferCreationAttributes<CibaRequest>> {
  declare id: string;
  declare accountId: string;
  declare clientId: string;
  /** Encrypted in the table: once answered, it is worth as much as the tokens. */
  declare authReqId: string;
  /** What the client would be allowed. */
  declare asked: Allowed;
  declare bindingMessage: string | null;
  /** The weakest login that the client accepts; null for any. */
  declare acr: string | null;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date;
}

define(CibaRequest, 'login_requests', {
  id: { type: DataTypes.UUID, primaryKey: true },
  accountId: ownAccount(),
  clientId: ownClient(),
  authReqId: { ...sealed('auth-req-id'), allowNull: false },
  asked: { type: DataTypes.JSONB, allowNull: false },
  bindingMessage: DataTypes.TEXT,
  acr: DataTypes.TEXT,
  createdAt: createdAt(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

/** The effect of a request whose reply may not have been sent. */
export class UnansweredRequest extends Model<
  InferAttributes<UnansweredRequest>,
  InferCreationAttributes<UnansweredRequest>
> {
  /** HMAC-SHA-256 under SECRETS_KEY of what the request used up. */
  declare key: string;
  declare accountId: string;
  /** When a request took it; -infinity when its reply could not be sent. */
  declare claimedAt: Date;
  declare expiresAt: Date;
}

define(UnansweredRequest, 'unanswered', {
  key: { type: DataTypes.TEXT, primaryKey: true },
  accountId: ownAccount(),
  claimedAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
