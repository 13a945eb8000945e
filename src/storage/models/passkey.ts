import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** A public key credential (WebAuthn). */
export class Passkey extends Model<InferAttributes<Passkey>, InferCreationAttributes<Passkey>> {
  declare id: string;
  declare accountId: string;
  /** What its owner calls it. */
  declare name: string;
  /** Base64url. */
  declare credentialId: string;
  /** COSE. */
  declare publicKey: Buffer;
  declare counter: number;
  declare transports: string[];
  /** Whether it is kept in the cloud of its maker. */
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
