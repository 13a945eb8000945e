import { DataTypes, Model, type InferAttributes, type InferCreationAttributes } from 'sequelize';
import { define } from './define.ts';

/** That one access token, all of a grant or all of a client have ended. */
export class RevocationMark extends Model<
  InferAttributes<RevocationMark>,
  InferCreationAttributes<RevocationMark>
> {
  declare kind: 'token' | 'grant' | 'client';
  declare key: string;
  /** When the last of them has expired on every node. */
  declare expiresAt: Date;
}

define(RevocationMark, 'revocation_marks', {
  kind: { type: DataTypes.TEXT, primaryKey: true },
  key: { type: DataTypes.TEXT, primaryKey: true },
  expiresAt: { type: DataTypes.DATE, allowNull: false },
});
