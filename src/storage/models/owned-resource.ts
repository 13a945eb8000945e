import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** A resource that a configuration file has made or taken over. */
export class OwnedResource extends Model<
  InferAttributes<OwnedResource>,
  InferCreationAttributes<OwnedResource>
> {
  declare kind: string;
  declare id: string;
  /** The name that the file gives itself. */
  declare owner: string;
  /** What the file said last, without secrets. */
  declare applied: Record<string, unknown>;
  declare secretHash: string | null;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(OwnedResource, 'owned_resources', {
  kind: { type: DataTypes.TEXT, primaryKey: true },
  id: { type: DataTypes.TEXT, primaryKey: true },
  owner: { type: DataTypes.TEXT, allowNull: false },
  applied: { type: DataTypes.JSONB, allowNull: false },
  secretHash: DataTypes.TEXT,
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
