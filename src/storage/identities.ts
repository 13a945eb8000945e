// raw-sql: a deletion decides who has the identity.
import { isUuid, newUuid } from '../core/ids.ts';
import { insertUnlessThere, now, recordOf, type RecordOf } from './models/define.ts';
import { UpstreamIdentity } from './models/upstreams.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(UpstreamIdentity);

export type IdentityRecord = RecordOf<typeof record>;

/** A linked identity at another provider. Subjects are unique per issuer. */
export type IdentityKey = Pick<IdentityRecord, 'upstream' | 'issuer' | 'subject'>;

export interface Identities {
  /** The account of an identity, recording its use. Null when it is not linked. */
  use(key: IdentityKey): Promise<IdentityRecord | null>;
  /** The account linked to a subject of an issuer, through any upstream. Null when there is none. */
  accountOf(issuer: string, subject: string): Promise<string | null>;
  listOf(accountId: string, tx?: Tx): Promise<IdentityRecord[]>;
  /** @returns the new one, or null when it is linked already. The unique index decides between concurrent attempts. */
  create(
    identity: IdentityKey & Pick<IdentityRecord, 'accountId' | 'label'>,
    tx: Tx,
  ): Promise<IdentityRecord | null>;
  /** Deletes all identities of the account. */
  deleteAll(accountId: string, tx: Tx): Promise<void>;
  /** @returns what was deleted. */
  delete(accountId: string, id: string, tx: Tx): Promise<IdentityRecord | null>;
}

/** Identities at other providers, in PostgreSQL. */
export const identities: Identities = {
  async use({ upstream, issuer, subject }) {
    const [, [used]] = await UpstreamIdentity.update(
      { lastUsedAt: now() },
      { where: { upstream, issuer, subject }, returning: true },
    );
    return used ? record.from(used) : null;
  },
  async accountOf(issuer, subject) {
    const found = await UpstreamIdentity.findOne({ where: { issuer, subject } });
    return found?.accountId ?? null;
  },
  async listOf(accountId, tx) {
    const found = await UpstreamIdentity.findAll({
      where: { accountId },
      order: ['createdAt'],
      transaction: tx ?? null,
    });
    return found.map(record.from);
  },
  async create({ upstream, issuer, subject, accountId, label }, tx) {
    const values = { id: newUuid(), upstream, issuer, subject, accountId, label };
    const created = await insertUnlessThere(UpstreamIdentity, values, tx);
    return created && record.from(created);
  },
  async deleteAll(accountId, tx) {
    await UpstreamIdentity.destroy({ where: { accountId }, transaction: tx });
  },
  // One statement: one of parallel attempts gets it.
  async delete(accountId, id, tx) {
    if (!isUuid(id)) return null;
    const { rows } = await tx.query<object>(
      `delete from upstream_identities where account_id = $1 and id = $2 returning ${record.columns}`,
      [accountId, id],
    );
    return record.read(rows)[0] ?? null;
  },
};
