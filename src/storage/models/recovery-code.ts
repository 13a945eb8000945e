import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** A code for who has lost the other factors; it is deleted as it is used. */
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
