// raw-sql: a scan of stored hashes, which models cannot express; nodes sweep side by side by `skip locked`.
import type { Executor } from './postgres/executor.ts';
import { PasswordHashSecret } from './models/origins.ts';

/** Keys and peppers of imported password hashes, encrypted. */
export interface PasswordHashSecrets {
  /**
   * Keeps them for at least a day, and for as long as a hash needs them.
   * @param id a MAC of them.
   * @param secrets base64 by name.
   */
  keep(id: string, secrets: Record<string, string>): Promise<void>;
  /** Null when there are none, or when they were encrypted under another key. */
  find(id: string): Promise<Record<string, string> | null>;
}

export const passwordHashSecrets: PasswordHashSecrets = {
  async keep(id, secrets) {
    await PasswordHashSecret.bulkCreate([{ id, secrets, neededAt: new Date() }], {
      updateOnDuplicate: ['neededAt'],
    });
  },
  async find(id) {
    const found = await PasswordHashSecret.findByPk(id);
    try {
      return found?.secrets ?? null;
    } catch {
      // Encrypted under another key: hashes that need them verify no password.
      return null;
    }
  },
};

/** Secrets not needed for a day, and whether a stored hash still needs them. Scans the accounts once a day. */
const LOOK = `with due as (
    select id from password_hash_secrets where needed_at < now() - interval '1 day' limit $1 for update skip locked
  ), used as (
    select substring(hash from '^\\$postern\\$f=[^,$]*,k=([^,$]+)') as id from (
      select password_hash as hash from users where password_hash like '$postern$%'
      union all
      select substr(hash, 6) from recovery_codes where hash like 'hash:$postern$%'
    ) hashes where exists (select from due)
  ), seen as (
    update password_hash_secrets set needed_at = now() where id in (select id from due intersect select id from used)
  )
  delete from password_hash_secrets
  where id in (select id from due) and id not in (select id from used where id is not null)`;

/** Deletes secrets that no password or recovery code has needed for a day, at most `limit`. @returns how many. */
export const createSecretSweep =
  (pool: Executor) =>
  async (limit: number): Promise<number> =>
    (await pool.query(LOOK, [limit])).rowCount ?? 0;
