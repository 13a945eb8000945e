import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import type { AttributeSchemaInput } from '../../config/attributes.ts';
import { define } from './define.ts';

/** What accounts may have beyond the profile, as it was set over the API or by a command; one row at most. */
export class StoredAttributeSchema extends Model<
  InferAttributes<StoredAttributeSchema>,
  InferCreationAttributes<StoredAttributeSchema>
> {
  declare id: CreationOptional<string>;
  declare schema: AttributeSchemaInput;
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(StoredAttributeSchema, 'attribute_schemas', {
  id: { type: DataTypes.TEXT, primaryKey: true, defaultValue: 'accounts' },
  schema: { type: DataTypes.JSON, allowNull: false },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
