// raw-sql: one statement asks three tables whether anybody has a role.
import { UniqueConstraintError } from 'sequelize';
import { recordOf, type RecordOf } from './models/define.ts';
import { Role } from './models/roles.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Role);
export type RoleRecord = RecordOf<typeof record>;
type RoleContent = Pick<RoleRecord, 'description' | 'permissions' | 'scopes'>;

/** Custom roles. */
export interface RoleStore {
  /** All of them, by name: people create only a few. */
  list(tx?: Tx): Promise<RoleRecord[]>;
  find(names: readonly string[], tx?: Tx): Promise<RoleRecord[]>;
  /** The role, locked until the transaction ends. */
  lock(name: string, tx: Tx): Promise<RoleRecord | null>;
  /** @returns null when the name is taken. */
  create(role: RoleContent & Pick<RoleRecord, 'name'>, tx: Tx): Promise<RoleRecord | null>;
  update(name: string, changes: Partial<RoleContent>, tx: Tx): Promise<RoleRecord>;
  delete(name: string, tx: Tx): Promise<void>;
  /** Whether an account, a group or a service account has the role. */
  isUsed(name: string, tx: Tx): Promise<boolean>;
}

const USED = `select exists (select from users where roles @> array[$1])
  or exists (select from groups where roles @> array[$1])
  or exists (select from clients where roles @> array[$1]) as used`;

export const roles: RoleStore = {
  list: async (tx) => (await Role.findAll({ order: ['name'], transaction: tx ?? null })).map(record.from),
  find: async (names, tx) =>
    names.length === 0
      ? []
      : (await Role.findAll({ where: { name: [...names] }, transaction: tx ?? null })).map(record.from),
  async lock(name, tx) {
    const role = await Role.findByPk(name, { transaction: tx, lock: tx.LOCK.UPDATE });
    return role && record.from(role);
  },
  async create(role, tx) {
    try {
      return record.from(await Role.create(role, { transaction: tx }));
    } catch (error) {
      if (error instanceof UniqueConstraintError) return null;
      throw error;
    }
  },
  async update(name, changes, tx) {
    const [, [role]] = await Role.update(changes, {
      where: { name },
      returning: true,
      transaction: tx,
    });
    return record.from(role!);
  },
  async delete(name, tx) {
    await Role.destroy({ where: { name }, transaction: tx });
  },
  async isUsed(name, tx) {
    const { rows } = await tx.query<{ used: boolean }>(USED, [name]);
    return rows[0]!.used;
  },
};
