import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** What a client is to people. */
export type ClientKind = 'web' | 'spa' | 'native' | 'device' | 'service' | 'gateway';

/** An OAuth client. */
export class Client extends Model<InferAttributes<Client>, InferCreationAttributes<Client>> {
  declare id: string;
  declare name: string;
  /** SHA-256 of the secret: machine secrets have their own entropy. Null for a client without one. */
  declare secretHash: string | null;
  /** Null of one that was created with the client. */
  declare secretCreatedAt: Date | null;
  /** Of the newest secret; null for one without an end. */
  declare secretExpiresAt: Date | null;
  /** RFC 7591 client metadata, without client_id and client_secret. */
  declare metadata: Record<string, unknown>;
  /** Of a service account. */
  declare roles: CreationOptional<string[]>;
  declare enabled: CreationOptional<boolean>;
  /** The database's to say, of the metadata. */
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
