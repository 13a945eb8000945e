import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define, ownAccount, sealed } from './define.ts';

/** An authenticator app (RFC 6238). */
export class TotpAuthenticator extends Model<
  InferAttributes<TotpAuthenticator>,
  InferCreationAttributes<TotpAuthenticator>
> {
  declare id: string;
  declare accountId: string;
  /** Named by its owner. */
  declare name: string;
  /** Base32 (RFC 4648); encrypted in the table. */
  declare secret: string;
  /** The hash function of its codes. */
  declare algorithm: CreationOptional<'sha1' | 'sha256' | 'sha512'>;
  /** Number of digits. */
  declare digits: CreationOptional<6 | 7 | 8>;
  /** Seconds of a time step. */
  declare period: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  /** When an enrolment that awaits its first code expires. Null once confirmed. */
  declare expiresAt: Date | null;
  /** The last time step that was used; neither it nor earlier ones are accepted again. */
  declare lastStep: CreationOptional<number>;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(TotpAuthenticator, 'totp_authenticators', {
  id: { type: DataTypes.UUID, primaryKey: true },
  accountId: ownAccount(),
  name: { type: DataTypes.TEXT, allowNull: false },
  secret: { ...sealed('totp'), allowNull: false },
  algorithm: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'sha1' },
  digits: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 6 },
  period: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 30 },
  createdAt: createdAt(),
  expiresAt: DataTypes.DATE,
  lastStep: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  lastUsedAt: DataTypes.DATE,
});

/** A recovery code, for an owner who has lost the other factors. Deleted on use. */
export class RecoveryCode extends Model<
  InferAttributes<RecoveryCode>,
  InferCreationAttributes<RecoveryCode>
> {
  declare accountId: string;
  /** HMAC-SHA-256 under SECRETS_KEY. */
  declare hash: string;
  declare createdAt: CreationOptional<Date>;
}

define(RecoveryCode, 'recovery_codes', {
  accountId: { ...ownAccount(), primaryKey: true },
  hash: { type: DataTypes.TEXT, primaryKey: true },
  createdAt: createdAt(),
});

/** A public key credential (WebAuthn). */
export class Passkey extends Model<InferAttributes<Passkey>, InferCreationAttributes<Passkey>> {
  declare id: string;
  declare accountId: string;
  /** Named by its owner. */
  declare name: string;
  /** Base64url. */
  declare credentialId: string;
  /** COSE. */
  declare publicKey: Buffer;
  declare counter: number;
  declare transports: string[];
  /** The backup state (WebAuthn): whether the passkey is synced. */
  declare backedUp: boolean;
  declare createdAt: CreationOptional<Date>;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(Passkey, 'passkeys', {
  id: { type: DataTypes.UUID, primaryKey: true },
  accountId: ownAccount(),
  name: { type: DataTypes.TEXT, allowNull: false },
  credentialId: { type: DataTypes.TEXT, allowNull: false, unique: true },
  publicKey: { type: DataTypes.BLOB, allowNull: false },
  counter: { type: DataTypes.BIGINT, allowNull: false },
  transports: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false },
  backedUp: { type: DataTypes.BOOLEAN, allowNull: false },
  createdAt: createdAt(),
  lastUsedAt: DataTypes.DATE,
});

/** The account's user handle for passkeys (WebAuthn section 5.4.3), random. */
export class PasskeyHandle extends Model<
  InferAttributes<PasskeyHandle>,
  InferCreationAttributes<PasskeyHandle>
> {
  declare accountId: string;
  declare handle: string;
}

define(PasskeyHandle, 'passkey_handles', {
  accountId: { ...ownAccount(), primaryKey: true },
  handle: { type: DataTypes.TEXT, allowNull: false, unique: true },
});

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

/** A used login step: the sealed step that a browser carries is accepted once. */
export class UsedStep extends Model<InferAttributes<UsedStep>, InferCreationAttributes<UsedStep>> {
  declare id: string;
  /** When the step itself expires. */
  declare expiresAt: Date;
}

define(UsedStep, 'used_steps', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
