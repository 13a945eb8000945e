import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import type { SigningAlg, TokenTypeHeader } from '../../core/tokens.ts';
import { define } from './define.ts';

/** Kind of client, as people see it. */
export type ClientKind = 'web' | 'spa' | 'native' | 'device' | 'service' | 'gateway';

/** An OAuth client. */
export class Client extends Model<InferAttributes<Client>, InferCreationAttributes<Client>> {
  declare id: string;
  declare name: string;
  /** SHA-256 of the secret, which is random enough for that. Null for a client without one. */
  declare secretHash: string | null;
  /** Null for one that was created with the client. */
  declare secretCreatedAt: Date | null;
  /** Of the newest secret; null for one without an end. */
  declare secretExpiresAt: Date | null;
  /** RFC 7591 client metadata, without client_id and client_secret. */
  declare metadata: Record<string, unknown>;
  /** Of a service account. */
  declare roles: CreationOptional<string[]>;
  declare enabled: CreationOptional<boolean>;
  /** Derived from the metadata by the database. */
  declare kind: CreationOptional<ClientKind>;
  /** To the minute. */
  declare lastUsedAt: Date | null;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Client, 'clients', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  secretHash: DataTypes.TEXT,
  secretCreatedAt: DataTypes.DATE,
  secretExpiresAt: DataTypes.DATE,
  metadata: { type: DataTypes.JSONB, allowNull: false },
  roles: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  enabled: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
  kind: DataTypes.TEXT,
  lastUsedAt: DataTypes.DATE,
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** A former secret of a client. */
export class FormerClientSecret extends Model<
  InferAttributes<FormerClientSecret>,
  InferCreationAttributes<FormerClientSecret>
> {
  declare clientId: string;
  declare hash: string;
  declare createdAt: Date;
  /** Valid until then. */
  declare expiresAt: Date;
}

define(FormerClientSecret, 'former_client_secrets', {
  clientId: { type: DataTypes.TEXT, primaryKey: true, references: { model: 'clients', key: 'id' } },
  hash: { type: DataTypes.TEXT, primaryKey: true },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

/** The last fetch of a Client ID Metadata Document. */
export class ClientDocument extends Model<
  InferAttributes<ClientDocument>,
  InferCreationAttributes<ClientDocument>
> {
  /** The URL. */
  declare clientId: string;
  declare host: string;
  /** Time of the last fetch. */
  declare fetchedAt: Date;
  /** Not fetched again before then. */
  declare expiresAt: Date;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(ClientDocument, 'client_documents', {
  clientId: { type: DataTypes.TEXT, primaryKey: true, references: { model: 'clients', key: 'id' } },
  host: { type: DataTypes.TEXT, allowNull: false },
  fetchedAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** A resource server (RFC 8707) that access tokens can be for. */
export class Api extends Model<InferAttributes<Api>, InferCreationAttributes<Api>> {
  /** An absolute URI: the token's audience. */
  declare identifier: string;
  declare name: string;
  declare scopes: CreationOptional<string[]>;
  declare accessTokenFormat: CreationOptional<'jwt' | 'opaque'>;
  /** Seconds; null takes the server's default. */
  declare accessTokenTtl: number | null;
  /** Of access tokens that are JWTs. */
  declare signingAlg: CreationOptional<SigningAlg>;
  /** For those too: `jwt` for a resource server that refuses `at+jwt`. */
  declare tokenTypeHeader: CreationOptional<TokenTypeHeader>;
  /** Whether a person's token gets only the scopes that the person's roles allow. */
  declare enforceRoles: CreationOptional<boolean>;
  /** Whether clients that no operator registered may ask for its scopes (RFC 7591, Client ID Metadata Documents). */
  declare dynamicClients: CreationOptional<boolean>;
  /** What a request without `scope` asks for (RFC 6749 section 3.3); null for all of its scopes. */
  declare defaultScopes: string[] | null;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Api, 'apis', {
  identifier: { type: DataTypes.TEXT, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  scopes: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  accessTokenFormat: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'jwt' },
  accessTokenTtl: DataTypes.INTEGER,
  signingAlg: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'ES256' },
  tokenTypeHeader: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'at+jwt' },
  enforceRoles: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  dynamicClients: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  defaultScopes: { type: DataTypes.ARRAY(DataTypes.TEXT) },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
