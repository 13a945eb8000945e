import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import type { UpstreamSettings } from '../../config/index.ts';
import { createdAt, define, ownAccount, sealed } from './define.ts';

/** A provider that people may sign in with and that was registered at run time. */
export class RegisteredUpstream extends Model<
  InferAttributes<RegisteredUpstream>,
  InferCreationAttributes<RegisteredUpstream>
> {
  declare id: string;
  declare settings: UpstreamSettings;
  /** The client secret; encrypted in the table. */
  declare secret: string;
  /** Nobody can sign in with a disabled one. */
  declare enabled: CreationOptional<boolean>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(RegisteredUpstream, 'upstreams', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  settings: { type: DataTypes.JSONB, allowNull: false },
  secret: { ...sealed('upstream-secret'), allowNull: false },
  enabled: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: createdAt(),
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** An account's identity at another provider. */
export class UpstreamIdentity extends Model<
  InferAttributes<UpstreamIdentity>,
  InferCreationAttributes<UpstreamIdentity>
> {
  declare id: string;
  declare upstream: string;
  /** Subjects are unique per issuer: the same subject of another one is somebody else. */
  declare issuer: string;
  declare subject: string;
  declare accountId: string;
  /** Shown to its owner. */
  declare label: string | null;
  declare createdAt: CreationOptional<Date>;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(UpstreamIdentity, 'upstream_identities', {
  id: { type: DataTypes.UUID, primaryKey: true },
  upstream: { type: DataTypes.TEXT, allowNull: false },
  issuer: { type: DataTypes.TEXT, allowNull: false },
  subject: { type: DataTypes.TEXT, allowNull: false },
  accountId: ownAccount(),
  label: DataTypes.TEXT,
  createdAt: createdAt(),
  lastUsedAt: DataTypes.DATE,
});
