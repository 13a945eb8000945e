import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define } from './define.ts';

/** The part of a grant that we read. */
export interface GrantPayload {
  [member: string]: unknown;
  openid?: { scope?: string; claims?: string[] };
  /** Scopes by API identifier. */
  resources?: Record<string, string>;
}

/** A grant of oidc-provider: what was issued under it is deleted with it. */
export class OidcGrant extends Model<InferAttributes<OidcGrant>, InferCreationAttributes<OidcGrant>> {
  /** In clear: it opens nothing. */
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
