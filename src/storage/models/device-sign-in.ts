import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** A device that was signed in by a code (RFC 8628). It goes with its grant. */
export class DeviceSignIn extends Model<
  InferAttributes<DeviceSignIn>,
  InferCreationAttributes<DeviceSignIn>
> {
  declare id: string;
  declare grantId: string;
  /** The session whose grant it shares, so that neither ends alone; null when it has one of its own. */
  declare sessionUid: string | null;
  declare ip: string | null;
  declare userAgent: string | null;
  declare createdAt: Date;
}

define(DeviceSignIn, 'device_sign_ins', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  grantId: {
    type: DataTypes.TEXT,
    allowNull: false,
    references: { model: 'oidc_grants', key: 'id' },
    onDelete: 'CASCADE',
  },
  sessionUid: DataTypes.TEXT,
  ip: DataTypes.TEXT,
  userAgent: DataTypes.TEXT,
  createdAt: { type: DataTypes.DATE, allowNull: false },
});
