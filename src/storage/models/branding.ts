import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, define } from './define.ts';

/** A version of the look and the texts. */
export class Branding extends Model<InferAttributes<Branding>, InferCreationAttributes<Branding>> {
  declare version: number;
  declare content: Record<string, unknown>;
  declare createdAt: CreationOptional<Date>;
}

define(Branding, 'branding', {
  version: { type: DataTypes.INTEGER, primaryKey: true },
  content: { type: DataTypes.JSONB, allowNull: false },
  createdAt: createdAt(),
});
