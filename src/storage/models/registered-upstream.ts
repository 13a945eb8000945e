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

/** A provider that people may sign in with and that was registered by the command. */
export class RegisteredUpstream extends Model<
  InferAttributes<RegisteredUpstream>,
  InferCreationAttributes<RegisteredUpstream>
> {
  declare id: string;
  declare settings: UpstreamSettings;
  /** The client secret; encrypted in the table. */
  declare secret: string;
  declare createdAt: CreationOptional<Date>;
}

define(RegisteredUpstream, 'upstreams', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  settings: { type: DataTypes.JSONB, allowNull: false },
  secret: { ...sealed('upstream-secret'), allowNull: false },
  createdAt: createdAt(),
});
