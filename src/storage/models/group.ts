import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import { define } from './define.ts';

export class Group extends Model<InferAttributes<Group>, InferCreationAttributes<Group>> {
  declare id: string;
  declare name: string;
  /** What uniqueness is decided on: NFKC, case-folded. */
  declare nameKey: string;
  declare description: CreationOptional<string>;
  /** The roles that its members have. */
  declare roles: CreationOptional<string[]>;
  /** The directory that drives it over SCIM; null for a group that is kept here. */
  declare source: string | null;
  /** Its id in that directory. */
  declare externalId: string | null;
  /** Goes up with every change of the group and of who is in it. */
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

/** That an account is in a group. */
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
