import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import type { AttributeSchemaInput } from '../../config/attributes.ts';
import { define } from './define.ts';

/** The one row of settings that were changed at run time. */
export class RuntimeSettings extends Model<
  InferAttributes<RuntimeSettings>,
  InferCreationAttributes<RuntimeSettings>
> {
  declare id: CreationOptional<boolean>;
  /** By key, `registration.open`. */
  declare settings: CreationOptional<Record<string, unknown>>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare updatedAt: CreationOptional<Date>;
}

define(RuntimeSettings, 'runtime_settings', {
  id: { type: DataTypes.BOOLEAN, primaryKey: true, defaultValue: true },
  settings: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** Sentences of mail by language and key. */
export type MailTextsByLanguage = Record<string, Record<string, string>>;

/** The sentences of mail that operators changed: one row. */
export class MailTexts extends Model<InferAttributes<MailTexts>, InferCreationAttributes<MailTexts>> {
  declare id: string;
  declare texts: CreationOptional<MailTextsByLanguage>;
  declare version: CreationOptional<number>;
}

define(MailTexts, 'mail_texts', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  texts: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
});

/** The schema of the accounts' custom attributes, as set over the API or by a command; one row at most. */
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

/** A resource that a configuration file has created or taken over. */
export class OwnedResource extends Model<
  InferAttributes<OwnedResource>,
  InferCreationAttributes<OwnedResource>
> {
  declare kind: string;
  declare id: string;
  /** The name that the file gives itself. */
  declare owner: string;
  /** The definition that the file last applied, without secrets. */
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

/** A first step that a person marked as done. */
export class FirstStep extends Model<InferAttributes<FirstStep>, InferCreationAttributes<FirstStep>> {
  declare step: 'key_backup' | 'doors' | 'over';
  declare doneAt: CreationOptional<Date>;
}

define(FirstStep, 'first_steps', {
  step: { type: DataTypes.TEXT, primaryKey: true },
  doneAt: { type: DataTypes.DATE, allowNull: false, defaultValue: DataTypes.NOW },
});
