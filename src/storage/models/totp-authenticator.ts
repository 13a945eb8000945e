import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define, sealed } from './define.ts';

/** An authenticator app (RFC 6238). */
export class TotpAuthenticator extends Model<
  InferAttributes<TotpAuthenticator>,
  InferCreationAttributes<TotpAuthenticator>
> {
  declare id: string;
  declare accountId: string;
  /** What its owner calls it. */
  declare name: string;
  /** Base32 (RFC 4648); encrypted in the table. */
  declare secret: string;
  /** The hash function of its codes. */
  declare algorithm: CreationOptional<'sha1' | 'sha256' | 'sha512'>;
  /** How long its codes are. */
  declare digits: CreationOptional<6 | 7 | 8>;
  /** Seconds of a time step. */
  declare period: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  /** Of an enrolment that waits for its first code: when it ends. Null once that has come. */
  declare expiresAt: Date | null;
  /** The last time step that was used: neither it nor an earlier one serves again. */
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
