import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { createdAt, ownAccount } from './attributes.ts';
import { define } from './define.ts';

/** What a person allows a client. */
export interface Allowed {
  oidcScopes: string[];
  oidcClaims: string[];
  /** Scopes by API identifier. */
  resourceScopes: Record<string, string[]>;
}

/** What a person allowed a client, remembered beyond the session. */
export class Consent extends Model<InferAttributes<Consent>, InferCreationAttributes<Consent>> {
  declare accountId: string;
  declare clientId: string;
  declare allowed: Allowed;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Consent, 'consents', {
  accountId: { ...ownAccount(), primaryKey: true },
  clientId: {
    type: DataTypes.TEXT,
    primaryKey: true,
    references: { model: 'clients', key: 'id' },
    onDelete: 'CASCADE',
  },
  allowed: { type: DataTypes.JSONB, allowNull: false },
  createdAt: createdAt(),
  updatedAt: createdAt(),
});
