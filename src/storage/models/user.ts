import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from 'sequelize';

export class User extends Model<InferAttributes<User>, InferCreationAttributes<User>> {
  declare id: string;
  declare number: CreationOptional<number>;
  declare username: string | null;
  declare usernameKey: string | null;
  declare email: string;
  declare emailKey: string;
  declare emailVerifiedAt: Date | null;
  declare name: string | null;
  declare givenName: string | null;
  declare familyName: string | null;
  declare locale: string | null;
  declare status: CreationOptional<'active' | 'suspended'>;
  declare roles: CreationOptional<string[]>;
  declare passwordHash: string | null;
  declare passwordChangedAt: Date | null;
  declare lastLoginAt: Date | null;
  declare createdAt: CreationOptional<Date>;
  declare updatedAt: CreationOptional<Date>;
}

export function initUser(sequelize: Sequelize): void {
  User.init(
    {
      id: { type: DataTypes.UUID, primaryKey: true },
      number: { type: DataTypes.INTEGER, autoIncrement: true, autoIncrementIdentity: true },
      username: DataTypes.TEXT,
      usernameKey: DataTypes.TEXT,
      email: { type: DataTypes.TEXT, allowNull: false },
      emailKey: { type: DataTypes.TEXT, allowNull: false },
      emailVerifiedAt: DataTypes.DATE,
      name: DataTypes.TEXT,
      givenName: DataTypes.TEXT,
      familyName: DataTypes.TEXT,
      locale: DataTypes.TEXT,
      status: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'active' },
      roles: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
      passwordHash: DataTypes.TEXT,
      passwordChangedAt: DataTypes.DATE,
      lastLoginAt: DataTypes.DATE,
      createdAt: DataTypes.DATE,
      updatedAt: DataTypes.DATE,
    },
    { sequelize, modelName: 'User', tableName: 'users' },
  );
}
