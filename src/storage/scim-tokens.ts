// raw-sql: every request of a directory reads its token (prepared); one of parallel uses is recorded.
import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { ScimToken } from './models/origins.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(ScimToken, 'hash');

export type ScimTokenRecord = RecordOf<typeof record>;

export interface ScimTokenStore {
  create(
    token: Pick<ScimTokenRecord, 'id' | 'name' | 'expiresAt'> & { hash: string },
    tx: Tx,
  ): Promise<ScimTokenRecord>;
  /** The token with this hash, unless it has expired. */
  findByHash(hash: string): Promise<ScimTokenRecord | null>;
  /** All that have not expired, newest first. */
  list(): Promise<ScimTokenRecord[]>;
  /** Sets a token's end. */
  letEnd(id: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** The same, locked until the transaction ends, also against additions. */
  lockAll(tx: Tx): Promise<ScimTokenRecord[]>;
  /** @returns the token, or null when there was none. */
  delete(id: string, tx: Tx): Promise<ScimTokenRecord | null>;
  /** Records a token's use, at most every ten seconds each. */
  touch(id: string, at: Date): Promise<void>;
}

const FIND_BY_HASH = {
  name: 'scim_tokens_by_hash',
  text: `select ${record.columns} from scim_tokens where hash = $1 and (expires_at is null or expires_at > $2)`,
};
const TOUCH = {
  name: 'scim_tokens_touch',
  text: `update scim_tokens set last_used_at = $2
    where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '10 seconds')`,
};

/** The tokens of directories in PostgreSQL, found by hash. */
export function createScimTokenStore(pool: Executor, clock: Clock): ScimTokenStore {
  const all = async (tx?: Tx) => {
    const found = await ScimToken.findAll({
      where: { expiresAt: { [Op.or]: [null, { [Op.gt]: new Date(clock.now()) }] } },
      order: [['createdAt', 'DESC'], 'id'],
      transaction: tx ?? null,
    });
    return found.map(record.from);
  };
  return {
    create: async (token, tx) => record.from(await ScimToken.create(token, { transaction: tx })),
    async findByHash(hash) {
      const { rows } = await pool.query<object>({ ...FIND_BY_HASH, values: [hash, new Date(clock.now())] });
      return record.read(rows)[0] ?? null;
    },
    list: () => all(),
    async letEnd(id, expiresAt, tx) {
      await ScimToken.update({ expiresAt }, { where: { id }, transaction: tx });
    },
    async lockAll(tx) {
      await tx.query('lock table scim_tokens in share row exclusive mode');
      return all(tx);
    },
    async delete(id, tx) {
      const { rows } = await tx.query<object>(
        `delete from scim_tokens where id = $1 returning ${record.columns}`,
        [id],
      );
      return record.read(rows)[0] ?? null;
    },
    async touch(id, at) {
      await pool.query({ ...TOUCH, values: [id, at] });
    },
  };
}
