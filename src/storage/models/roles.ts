import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { define } from './define.ts';

/** A custom role; the built-in ones are not stored. */
export class Role extends Model<InferAttributes<Role>, InferCreationAttributes<Role>> {
  declare name: string;
  declare description: CreationOptional<string>;
  /** Of the management API. */
  declare permissions: CreationOptional<string[]>;
  /** Scopes of APIs that enforce roles, by the API's identifier. */
  declare scopes: CreationOptional<Record<string, string[]>>;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Role, 'roles', {
  name: { type: DataTypes.TEXT, primaryKey: true },
  description: { type: DataTypes.TEXT, allowNull: false, defaultValue: '' },
  permissions: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  scopes: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

export class Group extends Model<InferAttributes<Group>, InferCreationAttributes<Group>> {
  declare id: string;
  declare name: string;
  /** The key for uniqueness: NFKC, case-folded. */
  declare nameKey: string;
  declare description: CreationOptional<string>;
  /** The roles that its members have. */
  declare roles: CreationOptional<string[]>;
  /** The directory that manages it over SCIM; null for a local group. */
  declare source: string | null;
  /** Its id in that directory. */
  declare externalId: string | null;
  /** Goes up with every change of the group or its members. */
  declare version: CreationOptional<number>;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

define(Group, 'groups', {
  id: { type: DataTypes.UUID, primaryKey: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  nameKey: { type: DataTypes.TEXT, allowNull: false },
  description: { type: DataTypes.TEXT, allowNull: false, defaultValue: '' },
  roles: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  source: DataTypes.TEXT,
  externalId: DataTypes.TEXT,
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** Membership of an account in a group. */
export class GroupMember extends Model<InferAttributes<GroupMember>, InferCreationAttributes<GroupMember>> {
  declare groupId: string;
  declare accountId: string;
  declare createdAt: CreationOptional<Date>;
}

define(GroupMember, 'group_members', {
  groupId: { type: DataTypes.UUID, primaryKey: true, references: { model: 'groups', key: 'id' } },
  accountId: { type: DataTypes.UUID, primaryKey: true, references: { model: 'users', key: 'id' } },
  createdAt: { type: DataTypes.DATE, allowNull: false },
});
