import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import type { SigningAlg, TokenTypeHeader } from '../../core/tokens.ts';
import { define } from './define.ts';

/** A resource server (RFC 8707) that access tokens can be for. */
export class Api extends Model<InferAttributes<Api>, InferCreationAttributes<Api>> {
  /** An absolute URI: the token's audience. */
  declare identifier: string;
  declare name: string;
  declare scopes: CreationOptional<string[]>;
  declare accessTokenFormat: CreationOptional<'jwt' | 'opaque'>;
  /** Seconds; null takes the server's default. */
  declare accessTokenTtl: number | null;
  /** Of access tokens that are JWTs. */
  declare signingAlg: CreationOptional<SigningAlg>;
  /** Of those too: `jwt` for a resource server that refuses `at+jwt`. */
  declare tokenTypeHeader: CreationOptional<TokenTypeHeader>;
  /** Whether a person's token has those scopes alone that the person's roles allow. */
  declare enforceRoles: CreationOptional<boolean>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Api, 'apis', {
  identifier: { type: DataTypes.TEXT, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  scopes: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  accessTokenFormat: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'jwt' },
  accessTokenTtl: DataTypes.INTEGER,
  signingAlg: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'ES256' },
  tokenTypeHeader: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'at+jwt' },
  enforceRoles: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
