import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt } from './attributes.ts';
import { define, sealed } from './define.ts';
import type { UpstreamSettings } from '../../config/index.ts';

/** A provider that people may sign in with and that was registered at run time. */
export class RegisteredUpstream extends Model<
  InferAttributes<RegisteredUpstream>,
  InferCreationAttributes<RegisteredUpstream>
> {
  declare id: string;
  declare settings: UpstreamSettings;
  /** The client secret; encrypted in the table. */
  declare secret: string;
  /** Nobody signs in by one that is not. */
  declare enabled: CreationOptional<boolean>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(RegisteredUpstream, 'upstreams', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  settings: { type: DataTypes.JSONB, allowNull: false },
  secret: { ...sealed('upstream-secret'), allowNull: false },
  enabled: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: createdAt(),
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
