import type { Pool } from 'pg';
import { randomToken } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

export interface PasskeyRecord {
  id: string;
  /** What its owner calls it. */
  name: string;
  /** Base64url. */
  credentialId: string;
  transports: string[];
  /** Whether it is kept in the cloud of its maker. */
  backedUp: boolean;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** What it takes to check an assertion. */
export interface PasskeyKey {
  id: string;
  accountId: string;
  /** What the authenticator knows the account by. */
  handle: string;
  /** COSE. */
  publicKey: Buffer;
}

interface NewPasskey {
  id: string;
  accountId: string;
  name: string;
  credentialId: string;
  publicKey: Uint8Array;
  counter: number;
  transports: string[];
  backedUp: boolean;
}

export interface PasskeyStore {
  /** What passkeys know the account by, 32 random bytes as base64url: made the first time, the same from then on. */
  handleOf(accountId: string): Promise<string>;
  /** @returns null when somebody has a passkey of this credential id already. */
  create(passkey: NewPasskey, tx: Tx): Promise<PasskeyRecord | null>;
  /** Oldest first. */
  list(accountId: string): Promise<PasskeyRecord[]>;
  findByCredentialId(credentialId: string): Promise<PasskeyKey | null>;
  /**
   * Notes a use in one statement, if the counter has gone up, or has always been zero (WebAuthn section 6.1.1): of any
   * number of tries with one count one does.
   * @returns whether this one did.
   */
  use(id: string, use: { counter: number; backedUp: boolean; at: Date }): Promise<boolean>;
  /** @returns the passkey, or null when the account has none of this id. */
  rename(accountId: string, id: string, name: string): Promise<PasskeyRecord | null>;
  /** @returns what was deleted, or null. */
  delete(accountId: string, id: string, tx: Tx): Promise<PasskeyRecord | null>;
}

const COLUMNS = `id, name, credential_id as "credentialId", transports, backed_up as "backedUp",
  created_at as "createdAt", last_used_at as "lastUsedAt"`;

/** Passkeys in PostgreSQL. */
export function createPasskeyStore(pool: Pool): PasskeyStore {
  return {
    async handleOf(accountId) {
      // An update that changes nothing returns the row that is there, also one that came at the same time.
      const { rows } = await pool.query<{ handle: string }>(
        `insert into passkey_handles as kept (account_id, handle) values ($1, $2)
         on conflict (account_id) do update set handle = kept.handle returning handle`,
        [accountId, randomToken()],
      );
      return rows[0]!.handle;
    },
    async create({ id, accountId, name, credentialId, publicKey, counter, transports, backedUp }, tx) {
      const { rows } = await tx.query<PasskeyRecord>(
        `insert into passkeys (id, account_id, name, credential_id, public_key, counter, transports, backed_up)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (credential_id) do nothing returning ${COLUMNS}`,
        [id, accountId, name, credentialId, Buffer.from(publicKey), counter, transports, backedUp],
      );
      return rows[0] ?? null;
    },
    async list(accountId) {
      const { rows } = await pool.query<PasskeyRecord>(
        `select ${COLUMNS} from passkeys where account_id = $1 order by created_at, id`,
        [accountId],
      );
      return rows;
    },
    async findByCredentialId(credentialId) {
      const { rows } = await pool.query<PasskeyKey>({
        name: 'passkeys_by_credential_id',
        text: `select p.id, p.account_id as "accountId", h.handle, p.public_key as "publicKey"
          from passkeys p join passkey_handles h using (account_id) where p.credential_id = $1`,
        values: [credentialId],
      });
      return rows[0] ?? null;
    },
    async use(id, { counter, backedUp, at }) {
      const { rowCount } = await pool.query({
        name: 'passkeys_use',
        text: `update passkeys set counter = $2, backed_up = $3, last_used_at = $4
          where id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
        values: [id, counter, backedUp, at],
      });
      return rowCount === 1;
    },
    async rename(accountId, id, name) {
      const { rows } = await pool.query<PasskeyRecord>(
        `update passkeys set name = $3 where account_id = $1 and id = $2 returning ${COLUMNS}`,
        [accountId, id, name],
      );
      return rows[0] ?? null;
    },
    async delete(accountId, id, tx) {
      const { rows } = await tx.query<PasskeyRecord>(
        `delete from passkeys where account_id = $1 and id = $2 returning ${COLUMNS}`,
        [accountId, id],
      );
      return rows[0] ?? null;
    },
  };
}
