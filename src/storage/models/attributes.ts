import { DataTypes, fn, type ModelAttributeColumnOptions } from 'sequelize';

/** The time of the database, which all nodes have in common. */
export const now = () => fn('now');

/** When a row was written, by the clock of the database. */
export const createdAt = () =>
  ({ type: DataTypes.DATE, allowNull: false, defaultValue: now() }) satisfies ModelAttributeColumnOptions;

/** The account that a row belongs to and is deleted with. */
export const ownAccount = () =>
  ({
    type: DataTypes.UUID,
    allowNull: false,
    references: { model: 'users', key: 'id' },
    onDelete: 'CASCADE',
  }) satisfies ModelAttributeColumnOptions;
