import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** Sentences of mail by language and key. */
export type MailTextsByLanguage = Record<string, Record<string, string>>;

/** The sentences of mail that operators wrote anew: one row. */
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
