import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define, sealed } from './define.ts';

export class SigningKey extends Model<InferAttributes<SigningKey>, InferCreationAttributes<SigningKey>> {
  declare kid: string;
  declare alg: string;
  declare publicJwk: Record<string, unknown>;
  /** Null once it has left the JWKS. */
  declare privateJwk: Record<string, unknown> | null;
  declare createdAt: CreationOptional<Date>;
  /** It signs from here on, until a newer key of its algorithm does. */
  declare activatesAt: Date;
  /** It leaves the JWKS here; null while no newer key is due. */
  declare expiresAt: Date | null;
}

define(SigningKey, 'signing_keys', {
  kid: { type: DataTypes.TEXT, primaryKey: true },
  alg: { type: DataTypes.TEXT, allowNull: false },
  publicJwk: { type: DataTypes.JSONB, allowNull: false },
  privateJwk: sealed('signing-keys', 'json'),
  createdAt: { type: DataTypes.DATE, allowNull: false },
  activatesAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: DataTypes.DATE,
});
