import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What an account has been signed in with: its owner is told of something new. */
export class SignInDevice extends Model<
  InferAttributes<SignInDevice>,
  InferCreationAttributes<SignInDevice>
> {
  declare accountId: string;
  /** SHA-256, base64url, of the source and the names of browser and system. */
  declare device: string;
  declare lastAt: Date;
}

define(SignInDevice, 'sign_in_devices', {
  accountId: { ...ownAccount(), primaryKey: true },
  device: { type: DataTypes.TEXT, primaryKey: true },
  lastAt: { type: DataTypes.DATE, allowNull: false },
});
