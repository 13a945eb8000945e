// raw-sql: every login with a passkey reads it (prepared); concurrent requests create one handle.
import type { Pool } from 'pg';
import { Op } from 'sequelize';
import { randomToken } from '../core/ids.ts';
import { insertUnlessThere, recordOf, type RecordOf } from './models/define.ts';
import { Passkey, type PasskeyHandle } from './models/factors.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Passkey, 'accountId', 'publicKey', 'counter');

export type PasskeyRecord = RecordOf<typeof record>;

/** What verifying an assertion needs. */
export type PasskeyKey = Pick<Passkey, 'id' | 'accountId' | 'publicKey'> & {
  /** The WebAuthn user handle. */
  handle: string;
};

type NewPasskey = Omit<PasskeyRecord, 'createdAt' | 'lastUsedAt'> &
  Pick<Passkey, 'accountId' | 'counter'> & { publicKey: Uint8Array };

export interface PasskeyStore {
  /** The account's WebAuthn user handle: 32 random bytes, base64url, created on first use. */
  handleOf(accountId: string): Promise<string>;
  /** @returns null when the credential id is registered already. */
  create(passkey: NewPasskey, tx: Tx): Promise<PasskeyRecord | null>;
  /** Oldest first. */
  list(accountId: string): Promise<PasskeyRecord[]>;
  findByCredentialId(credentialId: string): Promise<PasskeyKey | null>;
  /**
   * Records a use in one statement, if the counter has gone up, or has always been zero (WebAuthn section 6.1.1). Of concurrent
   * attempts with one count one succeeds.
   * @returns whether this one did.
   */
  use(id: string, use: { counter: number; backedUp: boolean; at: Date }): Promise<boolean>;
  /** @returns the passkey, or null when the account has none of this id. */
  rename(accountId: string, id: string, name: string): Promise<PasskeyRecord | null>;
  /** @returns what was deleted, or null. */
  delete(accountId: string, id: string, tx: Tx): Promise<PasskeyRecord | null>;
}

/** The no-op update returns the existing row, also a concurrently inserted one. */
const HANDLE = `insert into passkey_handles as kept (account_id, handle) values ($1, $2)
  on conflict (account_id) do update set handle = kept.handle returning handle`;

/** Every login with a passkey reads it. */
const FIND_BY_CREDENTIAL_ID = {
  name: 'passkeys_by_credential_id',
  text: `select p.id, p.account_id as "accountId", h.handle, p.public_key as "publicKey"
    from passkeys p join passkey_handles h using (account_id) where p.credential_id = $1`,
};

/** One statement: one of parallel attempts gets it. */
const DELETE = `delete from passkeys where account_id = $1 and id = $2 returning ${record.columns}`;

/** Passkeys in PostgreSQL. */
export function createPasskeyStore(pool: Pool): PasskeyStore {
  return {
    async handleOf(accountId) {
      const { rows } = await pool.query<Pick<PasskeyHandle, 'handle'>>(HANDLE, [accountId, randomToken()]);
      return rows[0]!.handle;
    },
    async create({ publicKey, ...passkey }, tx) {
      const values = { ...passkey, publicKey: Buffer.from(publicKey) };
      const created = await insertUnlessThere(Passkey, values, tx);
      return created && record.from(created);
    },
    async list(accountId) {
      const found = await Passkey.findAll({
        attributes: record.attributes,
        where: { accountId },
        order: ['createdAt', 'id'],
      });
      return found.map(record.from);
    },
    async findByCredentialId(credentialId) {
      const { rows } = await pool.query<PasskeyKey>({ ...FIND_BY_CREDENTIAL_ID, values: [credentialId] });
      return rows[0] ?? null;
    },
    async use(id, { counter, backedUp, at }) {
      const lowest = counter === 0 ? { [Op.lte]: 0 } : { [Op.lt]: counter };
      const [count] = await Passkey.update(
        { counter, backedUp, lastUsedAt: at },
        { where: { id, counter: lowest } },
      );
      return count === 1;
    },
    async rename(accountId, id, name) {
      const [, [renamed]] = await Passkey.update({ name }, { where: { accountId, id }, returning: true });
      return renamed ? record.from(renamed) : null;
    },
    async delete(accountId, id, tx) {
      const { rows } = await tx.query<object>(DELETE, [accountId, id]);
      return record.read(rows)[0] ?? null;
    },
  };
}
