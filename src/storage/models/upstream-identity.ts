import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** Who somebody is at another provider, and whom that is here. */
export class UpstreamIdentity extends Model<
  InferAttributes<UpstreamIdentity>,
  InferCreationAttributes<UpstreamIdentity>
> {
  declare id: string;
  declare upstream: string;
  /** Subjects are an issuer's own: what another one calls the same is somebody else. */
  declare issuer: string;
  declare subject: string;
  declare accountId: string;
  /** What its owner knows it by. */
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
