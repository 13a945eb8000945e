import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What a token is for: it serves for nothing else. */
export type TokenPurpose = 'verify-email' | 'reset-password' | 'undo' | 'sign-in';

/** A secret that serves once, such as links in mail carry, by its hash. */
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
