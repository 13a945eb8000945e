import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { define, ownAccount, sealed } from './define.ts';

/** The only purpose that a token is valid for. */
export type TokenPurpose = 'verify-email' | 'reset-password' | 'undo' | 'sign-in';

/** A one-time token, such as a link in mail carries, by its hash. */
export class OneTimeToken extends Model<
  InferAttributes<OneTimeToken>,
  InferCreationAttributes<OneTimeToken>
> {
  /** SHA-256, base64url. */
  declare hash: string;
  declare purpose: TokenPurpose;
  declare accountId: string;
  declare payload: object;
  declare expiresAt: Date;
}

define(OneTimeToken, 'one_time_tokens', {
  hash: { type: DataTypes.TEXT, primaryKey: true },
  purpose: { type: DataTypes.TEXT, allowNull: false },
  accountId: ownAccount(),
  payload: { type: DataTypes.JSONB, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});

export class SigningKey extends Model<InferAttributes<SigningKey>, InferCreationAttributes<SigningKey>> {
  declare kid: string;
  declare alg: string;
  declare publicJwk: Record<string, unknown>;
  /** Null once it has left the JWKS. */
  declare privateJwk: Record<string, unknown> | null;
  declare createdAt: CreationOptional<Date>;
  /** It signs from this time until a newer key of its algorithm does. */
  declare activatesAt: Date;
  /** It leaves the JWKS at this time; null while no newer key is due. */
  declare expiresAt: Date | null;
}

define(SigningKey, 'signing_keys', {
  kid: { type: DataTypes.TEXT, primaryKey: true },
  alg: { type: DataTypes.TEXT, allowNull: false },
  publicJwk: { type: DataTypes.JSONB, allowNull: false },
  privateJwk: sealed('signing-keys', 'json'),
  createdAt: { type: DataTypes.DATE, allowNull: false },
  activatesAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: DataTypes.DATE,
});
