import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What passkeys know an account by (WebAuthn section 5.4.3): random. */
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
