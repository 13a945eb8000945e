import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define } from './define.ts';

/** A key of a program, by its hash: the key itself is not stored. */
export class ApiKey extends Model<InferAttributes<ApiKey>, InferCreationAttributes<ApiKey>> {
  declare id: string;
  /** The start of the key: enough to tell it from others, too little to use. */
  declare prefix: string;
  declare hash: string;
  declare name: string;
  declare permissions: CreationOptional<string[]>;
  /** Its owner; null for one of the operator's. */
  declare accountId: string | null;
  declare createdAt: CreationOptional<Date>;
  declare expiresAt: Date | null;
  declare lastUsedAt: CreationOptional<Date | null>;
}

define(ApiKey, 'api_keys', {
  id: { type: DataTypes.UUID, primaryKey: true },
  prefix: { type: DataTypes.TEXT, allowNull: false },
  hash: { type: DataTypes.TEXT, allowNull: false, unique: true },
  name: { type: DataTypes.TEXT, allowNull: false },
  permissions: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  accountId: { type: DataTypes.UUID, references: { model: 'users', key: 'id' }, onDelete: 'CASCADE' },
  createdAt: createdAt(),
  expiresAt: DataTypes.DATE,
  lastUsedAt: DataTypes.DATE,
});

/** A contract that was opened or closed at run time. */
export class ContractState extends Model<
  InferAttributes<ContractState>,
  InferCreationAttributes<ContractState>
> {
  declare name: string;
  declare open: boolean;
  /** Goes up with every change. */
  declare version: CreationOptional<number>;
  declare updatedAt: CreationOptional<Date>;
}

define(ContractState, 'contract_states', {
  name: { type: DataTypes.TEXT, primaryKey: true },
  open: { type: DataTypes.BOOLEAN, allowNull: false },
  version: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
  updatedAt: { type: DataTypes.DATE, allowNull: false },
});

/** How often an operation of a contract was called on a day. */
export class ContractUsage extends Model<
  InferAttributes<ContractUsage>,
  InferCreationAttributes<ContractUsage>
> {
  declare door: string;
  declare operation: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare requests: number;
  declare lastUsedAt: Date;
}

define(ContractUsage, 'contract_usage', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  operation: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  requests: { type: DataTypes.BIGINT, allowNull: false },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
});

/** An account's use of an operation of a contract on a day. */
export class ContractUser extends Model<
  InferAttributes<ContractUser>,
  InferCreationAttributes<ContractUser>
> {
  declare door: string;
  declare operation: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare accountId: string;
}

define(ContractUser, 'contract_users', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  operation: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  // No foreign key: creating or dropping a partition would lock accounts. A trigger deletes an account's rows.
  accountId: { type: DataTypes.UUID, primaryKey: true },
});

/** How often a program or an address called a contract on a day. */
export class ContractCaller extends Model<
  InferAttributes<ContractCaller>,
  InferCreationAttributes<ContractCaller>
> {
  declare door: string;
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare kind: 'client' | 'address';
  /** Empty for all callers beyond the bound. */
  declare caller: string;
  declare requests: number;
  declare lastUsedAt: Date;
}

define(ContractCaller, 'contract_callers', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  kind: { type: DataTypes.TEXT, primaryKey: true },
  caller: { type: DataTypes.TEXT, primaryKey: true },
  requests: { type: DataTypes.BIGINT, allowNull: false },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
});
