import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What was done for a request whose reply has not been sent, so far as is known. */
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
