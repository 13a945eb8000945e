import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from 'sequelize';

export class SigningKey extends Model<InferAttributes<SigningKey>, InferCreationAttributes<SigningKey>> {
  declare kid: string;
  declare alg: string;
  declare publicJwk: Record<string, unknown>;
  /** Null once it has left the JWKS. */
  declare privateJwk: Buffer | null;
  declare createdAt: CreationOptional<Date>;
  declare activatesAt: Date;
  declare expiresAt: Date | null;
}

export function initSigningKey(sequelize: Sequelize): void {
  SigningKey.init(
    {
      kid: { type: DataTypes.TEXT, primaryKey: true },
      alg: { type: DataTypes.TEXT, allowNull: false },
      publicJwk: { type: DataTypes.JSONB, allowNull: false },
      privateJwk: DataTypes.BLOB,
      createdAt: DataTypes.DATE,
      activatesAt: { type: DataTypes.DATE, allowNull: false },
      expiresAt: DataTypes.DATE,
    },
    { sequelize, modelName: 'SigningKey', tableName: 'signing_keys', updatedAt: false },
  );
}
