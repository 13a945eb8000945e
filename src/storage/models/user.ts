import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

/** The parts of a postal address (OpenID Connect Core section 5.1.1); the street may have several lines. */
export interface PostalAddress {
  street_address?: string;
  locality?: string;
  region?: string;
  postal_code?: string;
  country?: string;
}

/** The address that an account had before the present one, as JSON keeps it; times are ISO 8601. */
export interface MovedFrom {
  email: string;
  emailKey: string;
  emailVerifiedAt: string | null;
  ownerProvenAt: string | null;
  /** When the address was changed. */
  at: string;
}

/** An account. The keys decide uniqueness; they are NFKC and case-folded. */
export class User extends Model<InferAttributes<User>, InferCreationAttributes<User>> {
  declare id: string;
  declare number: CreationOptional<number>;
  declare username: string | null;
  declare usernameKey: string | null;
  declare email: string;
  declare emailKey: string;
  /** When somebody with access to the mailbox confirmed the address. */
  declare emailVerifiedAt: Date | null;
  /** When one person proved both the mailbox and the password; null while the credentials may be a stranger's. */
  declare ownerProvenAt: Date | null;
  /** The address in force until the present one is proven; null when that is the present one. */
  declare movedFrom: MovedFrom | null;
  declare name: string | null;
  declare givenName: string | null;
  declare familyName: string | null;
  declare middleName: string | null;
  declare nickname: string | null;
  /** The address of a page about them. */
  declare profile: string | null;
  declare picture: string | null;
  declare website: string | null;
  declare gender: string | null;
  /** YYYY-MM-DD; the year may be 0000, or stand alone. */
  declare birthdate: string | null;
  /** A name of the time zone database. */
  declare zoneinfo: string | null;
  declare locale: string | null;
  /** E.164. */
  declare phoneNumber: string | null;
  declare phoneNumberVerifiedAt: Date | null;
  declare address: PostalAddress | null;
  /** Values of the installation's schema, and those left from an earlier one. */
  declare attributes: CreationOptional<Record<string, unknown>>;
  /** Only `lockDeleted` finds a deleted account. */
  declare status: CreationOptional<'active' | 'suspended' | 'deleted'>;
  /** Its own roles; `rolesOf` adds those of its groups. */
  declare roles: CreationOptional<string[]>;
  /** The roles of its groups, maintained by the database. */
  declare groupRoles: CreationOptional<string[]>;
  /** A PHC string; null for an account without a password. */
  declare passwordHash: string | null;
  declare passwordChangedAt: Date | null;
  declare lastLoginAt: Date | null;
  /** Goes up with every change of how the account signs in, and with everything that signs it out. */
  declare securityVersion: CreationOptional<number>;
  /** Goes up with every change but a sign-in. */
  declare version: CreationOptional<number>;
  /** The directory that manages it over SCIM; null for a local account. */
  declare source: CreationOptional<string | null>;
  /** Its id in that directory. */
  declare externalId: CreationOptional<string | null>;
  declare deletedAt: Date | null;
  /** When the deletion that an operator ordered is due; suspended until then. */
  declare deletesAt: Date | null;
  /** Whether it is suspended for that reason. */
  declare suspendedByDeletion: CreationOptional<boolean>;
  /** Whether the next sign-in with the password requires a new one. */
  declare passwordChangeRequired: CreationOptional<boolean>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(User, 'users', {
  id: { type: DataTypes.UUID, primaryKey: true },
  number: { type: DataTypes.INTEGER, allowNull: false, autoIncrement: true, autoIncrementIdentity: true },
  username: DataTypes.TEXT,
  usernameKey: DataTypes.TEXT,
  email: { type: DataTypes.TEXT, allowNull: false },
  emailKey: { type: DataTypes.TEXT, allowNull: false },
  emailVerifiedAt: DataTypes.DATE,
  ownerProvenAt: DataTypes.DATE,
  movedFrom: DataTypes.JSONB,
  name: DataTypes.TEXT,
  givenName: DataTypes.TEXT,
  familyName: DataTypes.TEXT,
  middleName: DataTypes.TEXT,
  nickname: DataTypes.TEXT,
  profile: DataTypes.TEXT,
  picture: DataTypes.TEXT,
  website: DataTypes.TEXT,
  gender: DataTypes.TEXT,
  birthdate: DataTypes.TEXT,
  zoneinfo: DataTypes.TEXT,
  locale: DataTypes.TEXT,
  phoneNumber: DataTypes.TEXT,
  phoneNumberVerifiedAt: DataTypes.DATE,
  address: DataTypes.JSONB,
  attributes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  status: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'active' },
  roles: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  groupRoles: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  passwordHash: DataTypes.TEXT,
  passwordChangedAt: DataTypes.DATE,
  lastLoginAt: DataTypes.DATE,
  securityVersion: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  source: DataTypes.TEXT,
  externalId: DataTypes.TEXT,
  deletedAt: DataTypes.DATE,
  deletesAt: DataTypes.DATE,
  suspendedByDeletion: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  passwordChangeRequired: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});
