import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from 'sequelize';
import type { SigningAlg } from '../../core/signing-algs.ts';
import type { TokenTypeHeader } from '../../core/token-type-header.ts';

export class Api extends Model<InferAttributes<Api>, InferCreationAttributes<Api>> {
  declare identifier: string;
  declare name: string;
  declare scopes: CreationOptional<string[]>;
  declare accessTokenFormat: CreationOptional<'jwt' | 'opaque'>;
  declare accessTokenTtl: number | null;
  declare signingAlg: CreationOptional<SigningAlg>;
  declare tokenTypeHeader: CreationOptional<TokenTypeHeader>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

export function initApi(sequelize: Sequelize): void {
  Api.init(
    {
      identifier: { type: DataTypes.TEXT, primaryKey: true },
      name: { type: DataTypes.TEXT, allowNull: false },
      scopes: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
      accessTokenFormat: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'jwt' },
      accessTokenTtl: DataTypes.INTEGER,
      signingAlg: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'ES256' },
      tokenTypeHeader: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'at+jwt' },
      createdAt: DataTypes.DATE,
      updatedAt: DataTypes.DATE,
    },
    { sequelize, modelName: 'Api', tableName: 'apis' },
  );
}
