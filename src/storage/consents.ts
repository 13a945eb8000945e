import type { Pool } from 'pg';
import { isUuid } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

/** What a person allowed a client. */
export interface Allowed {
  oidcScopes: string[];
  oidcClaims: string[];
  /** Scopes by API identifier. */
  resourceScopes: Record<string, string[]>;
}

export interface ConsentRecord {
  clientId: string;
  allowed: Allowed;
  createdAt: Date;
  updatedAt: Date;
}

export interface Consents {
  find(accountId: string, clientId: string): Promise<Allowed | null>;
  /** Replaces what was remembered for the pair. */
  save(accountId: string, clientId: string, allowed: Allowed, tx: Tx): Promise<void>;
  listOf(accountId: string): Promise<ConsentRecord[]>;
  /** @returns whether there was one. */
  delete(accountId: string, clientId: string, tx: Tx): Promise<boolean>;
}

/** Remembered consents in PostgreSQL. */
export function createConsents(pool: Pool): Consents {
  return {
    async find(accountId, clientId) {
      if (!isUuid(accountId)) return null;
      const { rows } = await pool.query<{ allowed: Allowed }>({
        name: 'consents_find',
        text: 'select allowed from consents where account_id = $1 and client_id = $2',
        values: [accountId, clientId],
      });
      return rows[0]?.allowed ?? null;
    },
    async save(accountId, clientId, allowed, tx) {
      await tx.query(
        `insert into consents (account_id, client_id, allowed) values ($1, $2, $3)
         on conflict (account_id, client_id) do update set allowed = excluded.allowed, updated_at = now()`,
        [accountId, clientId, JSON.stringify(allowed)],
      );
    },
    async listOf(accountId) {
      const { rows } = await pool.query<ConsentRecord>(
        `select client_id as "clientId", allowed, created_at as "createdAt", updated_at as "updatedAt"
         from consents where account_id = $1 order by created_at`,
        [accountId],
      );
      return rows;
    },
    async delete(accountId, clientId, tx) {
      const { rows } = await tx.query(
        'delete from consents where account_id = $1 and client_id = $2 returning client_id',
        [accountId, clientId],
      );
      return rows.length > 0;
    },
  };
}
