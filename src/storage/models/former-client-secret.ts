import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** A secret that a client had before its present one. */
export class FormerClientSecret extends Model<
  InferAttributes<FormerClientSecret>,
  InferCreationAttributes<FormerClientSecret>
> {
  declare clientId: string;
  declare hash: string;
  declare createdAt: Date;
  /** It counts until then. */
  declare expiresAt: Date;
}

define(FormerClientSecret, 'former_client_secrets', {
  clientId: { type: DataTypes.TEXT, primaryKey: true, references: { model: 'clients', key: 'id' } },
  hash: { type: DataTypes.TEXT, primaryKey: true },
  createdAt: { type: DataTypes.DATE, allowNull: false },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
