import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from 'sequelize';

export class AuditEvent extends Model<InferAttributes<AuditEvent>, InferCreationAttributes<AuditEvent>> {
  declare id: string;
  declare at: CreationOptional<Date>;
  declare type: string;
  declare outcome: 'success' | 'failure';
  declare subject: string | null;
  declare actorKind: string;
  declare actorId: string | null;
  declare clientId: string | null;
  declare door: string;
  declare ip: string | null;
  declare userAgent: string | null;
  declare requestId: string | null;
  declare details: CreationOptional<Record<string, unknown>>;
}

export function initAuditEvent(sequelize: Sequelize): void {
  AuditEvent.init(
    {
      id: { type: DataTypes.UUID, primaryKey: true },
      at: { type: DataTypes.DATE, allowNull: false, defaultValue: DataTypes.NOW },
      type: { type: DataTypes.TEXT, allowNull: false },
      outcome: { type: DataTypes.TEXT, allowNull: false },
      subject: DataTypes.UUID,
      actorKind: { type: DataTypes.TEXT, allowNull: false },
      actorId: DataTypes.TEXT,
      clientId: DataTypes.TEXT,
      door: { type: DataTypes.TEXT, allowNull: false },
      ip: DataTypes.INET,
      userAgent: DataTypes.TEXT,
      requestId: DataTypes.TEXT,
      details: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
    },
    { sequelize, modelName: 'AuditEvent', tableName: 'audit_events', timestamps: false },
  );
}
