import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** A browser that needs no second factor for a while, by the hash of the token in its cookie. */
export class TrustedDevice extends Model<
  InferAttributes<TrustedDevice>,
  InferCreationAttributes<TrustedDevice>
> {
  declare hash: string;
  declare accountId: string;
  declare expiresAt: Date;
}

define(TrustedDevice, 'trusted_devices', {
  hash: { type: DataTypes.TEXT, primaryKey: true },
  accountId: ownAccount(),
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
