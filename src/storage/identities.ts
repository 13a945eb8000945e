import type { Pool } from 'pg';
import { isUuid, newUuid } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

/** Who somebody is at another provider. Subjects are the issuer's own. */
export interface IdentityKey {
  upstream: string;
  issuer: string;
  subject: string;
}

export interface IdentityRecord extends IdentityKey {
  id: string;
  accountId: string;
  /** What its owner knows it by. */
  label: string | null;
  createdAt: Date;
  lastUsedAt: Date | null;
}

export interface Identities {
  /** Whom an identity is here, and that it is used now; null when it is nobody. */
  use(key: IdentityKey): Promise<IdentityRecord | null>;
  listOf(accountId: string, tx?: Tx): Promise<IdentityRecord[]>;
  /** @returns the new one, or null when it is somebody's by now: the unique index decides, so of parallel tries one wins. */
  create(
    identity: IdentityKey & Pick<IdentityRecord, 'accountId' | 'label'>,
    tx: Tx,
  ): Promise<IdentityRecord | null>;
  /** Deletes all of the account. */
  deleteAll(accountId: string, tx: Tx): Promise<void>;
  /** @returns what was deleted. */
  delete(accountId: string, id: string, tx: Tx): Promise<IdentityRecord | null>;
}

const COLUMNS = `id, upstream, issuer, subject, account_id as "accountId", label, created_at as "createdAt",
  last_used_at as "lastUsedAt"`;

const LIST = `select ${COLUMNS} from upstream_identities where account_id = $1 order by created_at`;

/** Identities at other providers, in PostgreSQL. */
export function createIdentities(pool: Pool): Identities {
  return {
    async use({ upstream, issuer, subject }) {
      const { rows } = await pool.query<IdentityRecord>(
        `update upstream_identities set last_used_at = now()
         where upstream = $1 and issuer = $2 and subject = $3 returning ${COLUMNS}`,
        [upstream, issuer, subject],
      );
      return rows[0] ?? null;
    },
    async listOf(accountId, tx) {
      const { rows } = tx
        ? await tx.query<IdentityRecord>(LIST, [accountId])
        : await pool.query<IdentityRecord>(LIST, [accountId]);
      return rows;
    },
    async create({ upstream, issuer, subject, accountId, label }, tx) {
      const { rows } = await tx.query<IdentityRecord>(
        `insert into upstream_identities (id, upstream, issuer, subject, account_id, label)
         values ($1, $2, $3, $4, $5, $6) on conflict (upstream, issuer, subject) do nothing returning ${COLUMNS}`,
        [newUuid(), upstream, issuer, subject, accountId, label],
      );
      return rows[0] ?? null;
    },
    async deleteAll(accountId, tx) {
      await tx.query('delete from upstream_identities where account_id = $1', [accountId]);
    },
    async delete(accountId, id, tx) {
      if (!isUuid(id)) return null;
      const { rows } = await tx.query<IdentityRecord>(
        `delete from upstream_identities where account_id = $1 and id = $2 returning ${COLUMNS}`,
        [accountId, id],
      );
      return rows[0] ?? null;
    },
  };
}
