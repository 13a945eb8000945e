import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define, ownAccount } from './define.ts';

/** An impersonation of a person by an operator, requested or under way. */
export class Impersonation extends Model<
  InferAttributes<Impersonation>,
  InferCreationAttributes<Impersonation>
> {
  declare id: string;
  declare operatorId: string;
  declare subjectId: string;
  declare reason: string;
  /** Whether the person is asked first. */
  declare asked: boolean;
  /** The person's answer; null until given. */
  declare approved: CreationOptional<boolean | null>;
  /** SHA-256, base64url. */
  declare tokenHash: CreationOptional<string | null>;
  declare tokenExpiresAt: CreationOptional<Date | null>;
  /** The uid of the operator's session. */
  declare operatorSession: CreationOptional<string | null>;
  declare createdAt: CreationOptional<Date>;
  declare startedAt: CreationOptional<Date | null>;
  declare endedAt: CreationOptional<Date | null>;
  /** Until when it may begin; once it has begun, when it ends. */
  declare expiresAt: Date;
}

define(Impersonation, 'impersonations', {
  id: { type: DataTypes.UUID, primaryKey: true },
  operatorId: ownAccount(),
  subjectId: ownAccount(),
  reason: { type: DataTypes.TEXT, allowNull: false },
  asked: { type: DataTypes.BOOLEAN, allowNull: false },
  approved: DataTypes.BOOLEAN,
  tokenHash: { type: DataTypes.TEXT, unique: true },
  tokenExpiresAt: DataTypes.DATE,
  operatorSession: DataTypes.TEXT,
  createdAt: createdAt(),
  startedAt: DataTypes.DATE,
  endedAt: DataTypes.DATE,
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
