import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { define, ownAccount } from './define.ts';

/** A device that an account has signed in with: its owner is told of new ones. */
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

/** A source that an account recently signed in from: the account's lockout spares it. */
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

/** A device that was signed in by a code (RFC 8628). Deleted with its grant. */
export class DeviceSignIn extends Model<
  InferAttributes<DeviceSignIn>,
  InferCreationAttributes<DeviceSignIn>
> {
  declare id: string;
  declare grantId: string;
  /** The session whose grant it shares, so that neither ends alone; null when it has its own grant. */
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

/** A counter that expires, where there is no Redis. The table is unlogged. */
export class Counter extends Model<InferAttributes<Counter>, InferCreationAttributes<Counter>> {
  declare key: string;
  declare points: CreationOptional<number>;
  /** Milliseconds since the epoch. */
  declare expire: number | null;
}

define(Counter, 'counters', {
  key: { type: DataTypes.TEXT, primaryKey: true },
  points: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  expire: DataTypes.BIGINT,
});
