import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** Where an account was signed in from of late: the lock on the account spares it. */
export class SignInSource extends Model<
  InferAttributes<SignInSource>,
  InferCreationAttributes<SignInSource>
> {
  declare accountId: string;
  /** An IPv4 address or the /64 of an IPv6 address. */
  declare source: string;
  declare lastAt: Date;
}

define(SignInSource, 'sign_in_sources', {
  accountId: { ...ownAccount(), primaryKey: true },
  source: { type: DataTypes.TEXT, primaryKey: true },
  lastAt: { type: DataTypes.DATE, allowNull: false },
});
