import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define, ownAccount, sealed } from './define.ts';

/** An account's id at the service that it came from. */
export class ImportedAccount extends Model<
  InferAttributes<ImportedAccount>,
  InferCreationAttributes<ImportedAccount>
> {
  /** The name of the service. */
  declare source: string;
  /** The account's id there. */
  declare sourceId: string;
  declare accountId: string;
  /** SHA-256 of the record as it was imported last. */
  declare recordDigest: string;
  /** SHA-256 of the password hash as it was imported; null without one. */
  declare passwordDigest: string | null;
  /** Other data of the service, including what account attributes do not accept. */
  declare attributes: Record<string, unknown> | null;
  /** The run that wrote the row last. */
  declare run: string;
  /** Whether it came by an import, or from the live service: at its first login here, or by a token of the service. */
  declare way: CreationOptional<'import' | 'login' | 'token'>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(ImportedAccount, 'imported_accounts', {
  source: { type: DataTypes.TEXT, primaryKey: true },
  sourceId: { type: DataTypes.TEXT, primaryKey: true },
  accountId: ownAccount(),
  recordDigest: { type: DataTypes.TEXT, allowNull: false },
  passwordDigest: DataTypes.TEXT,
  attributes: DataTypes.JSONB,
  run: { type: DataTypes.UUID, allowNull: false },
  way: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'import' },
  createdAt: createdAt(),
  updatedAt: createdAt(),
});

/** A deleted account of another service: no token recreates it. */
export class DepartedAccount extends Model<
  InferAttributes<DepartedAccount>,
  InferCreationAttributes<DepartedAccount>
> {
  declare source: string;
  declare sourceId: string;
  declare departedAt: CreationOptional<Date>;
}

define(DepartedAccount, 'departed_accounts', {
  source: { type: DataTypes.TEXT, primaryKey: true },
  sourceId: { type: DataTypes.TEXT, primaryKey: true },
  departedAt: createdAt(),
});

/** Secrets that the imported password hashes of a source share. */
export class PasswordHashSecret extends Model<
  InferAttributes<PasswordHashSecret>,
  InferCreationAttributes<PasswordHashSecret>
> {
  declare id: string;
  /** Base64 by name; encrypted in the table. */
  declare secrets: Record<string, string>;
  declare createdAt: CreationOptional<Date>;
  /** When they were last stored, or found in use. */
  declare neededAt: CreationOptional<Date>;
}

define(PasswordHashSecret, 'password_hash_secrets', {
  id: { type: DataTypes.TEXT, primaryKey: true },
  secrets: { ...sealed('password-hash-secrets', 'json'), allowNull: false },
  createdAt: createdAt(),
  neededAt: createdAt(),
});

/** A directory's SCIM attributes of an account, beyond what the account itself has. */
export class DirectoryEntry extends Model<
  InferAttributes<DirectoryEntry>,
  InferCreationAttributes<DirectoryEntry>
> {
  declare accountId: string;
  declare userName: string;
  /** The key for uniqueness: NFKC, case-folded. */
  declare userNameKey: string;
  /** The keys of all its addresses. */
  declare emailKeys: CreationOptional<string[]>;
  /** By their SCIM names. The account's own address is stored without a value: the account has it. */
  declare attributes: CreationOptional<Record<string, unknown>>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(DirectoryEntry, 'directory_entries', {
  accountId: { type: DataTypes.UUID, primaryKey: true, references: { model: 'users', key: 'id' } },
  userName: { type: DataTypes.TEXT, allowNull: false },
  userNameKey: { type: DataTypes.TEXT, allowNull: false, unique: true },
  emailKeys: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  attributes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** A directory's SCIM token, by its hash: the token itself is not stored. */
export class ScimToken extends Model<InferAttributes<ScimToken>, InferCreationAttributes<ScimToken>> {
  declare id: string;
  declare name: string;
  declare hash: string;
  declare createdAt: CreationOptional<Date>;
  /** Null: valid until revoked. */
  declare expiresAt: Date | null;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(ScimToken, 'scim_tokens', {
  id: { type: DataTypes.UUID, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  hash: { type: DataTypes.TEXT, allowNull: false, unique: true },
  createdAt: createdAt(),
  expiresAt: DataTypes.DATE,
  lastUsedAt: DataTypes.DATE,
});
