// raw-sql: bounded counts, and the roles of all linked accounts. Conditions of a list for `listing.ts`.
import type { Pool } from 'pg';
import type { Upstream } from '../config/index.ts';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { RegisteredUpstream } from './models/upstreams.ts';
import { insertUnlessThere } from './models/define.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';

/** A person who is linked at a provider. */
export interface Linked {
  /** The account's id. */
  id: string;
  email: string;
  name: string | null;
  /** The person's id at the provider. */
  subject: string;
  label: string | null;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** A provider that was registered at run time. */
export interface UpstreamRecord {
  upstream: Upstream;
  enabled: boolean;
  version: number;
}

type Content = Pick<UpstreamRecord, 'upstream' | 'enabled'>;

export interface Upstreams {
  /** In order of creation. */
  list(): Promise<UpstreamRecord[]>;
  /** The provider, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<UpstreamRecord | null>;
  /** @returns the new one, or null when there is one of this id. */
  create(content: Content, tx: Tx): Promise<UpstreamRecord | null>;
  update(content: Content, tx: Tx): Promise<UpstreamRecord>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
  /** Number of identities linked to it; counting ends at `limit`. */
  countLinked(id: string, limit: number, tx?: Executor): Promise<number>;
  /** The people linked to it. */
  linked(id: string, request: PageRequest<'created_at', object>): Promise<Page<Linked>>;
  /** Every role of an account that is linked to it. */
  rolesLinked(id: string, tx: Tx): Promise<string[]>;
}

const recordOf = ({ settings, secret, enabled, version }: RegisteredUpstream): UpstreamRecord => ({
  upstream: { ...settings, clientSecret: secret },
  enabled,
  version,
});

const valuesOf = ({ upstream: { clientSecret: secret, ...settings }, enabled }: Content) => ({
  id: settings.id,
  settings,
  secret,
  enabled,
});

const COUNT_LINKED = `select count(*)::int as count
  from (select from upstream_identities where upstream = $1 limit $2) found`;
const LINKED: Listing<'created_at', { upstream: string }> = {
  from: 'upstream_identities i join users u on u.id = i.account_id',
  columns: `u.id, u.email, u.name, i.subject, i.label, i.created_at as "createdAt", i.last_used_at as "lastUsedAt"`,
  sorts: { created_at: { by: 'i.created_at', type: 'timestamptz' } },
  id: { by: 'i.id', type: 'uuid' },
  filters: {
    upstream: (value, parameter) => `i.upstream = ${parameter(value)} and u.status <> 'deleted'`,
  },
};
const ROLES_LINKED = `select distinct role
  from upstream_identities i join users u on u.id = i.account_id
  cross join unnest(u.roles || u.group_roles) role
  where i.upstream = $1 and u.status <> 'deleted'`;

/** Providers that people may sign in with, except those of the configuration, in PostgreSQL. */
export const createUpstreams = (pool: Pool): Upstreams => ({
  async list() {
    const found = await RegisteredUpstream.findAll({ order: ['createdAt', 'id'] });
    return found.map(recordOf);
  },
  async lock(id, tx) {
    const found = await RegisteredUpstream.findByPk(id, { transaction: tx, lock: tx.LOCK.UPDATE });
    return found && recordOf(found);
  },
  async create(content, tx) {
    const created = await insertUnlessThere(RegisteredUpstream, valuesOf(content), tx);
    return created && recordOf(created);
  },
  async update(content, tx) {
    const { id, ...values } = valuesOf(content);
    const found = await RegisteredUpstream.findByPk(id, { transaction: tx, rejectOnEmpty: true });
    await found.update(values, { transaction: tx });
    return recordOf(await found.reload({ transaction: tx }));
  },
  delete: async (id, tx) => (await RegisteredUpstream.destroy({ where: { id }, transaction: tx })) > 0,
  async countLinked(id, limit, tx = pool) {
    const { rows } = await tx.query<{ count: number }>(COUNT_LINKED, [id, limit]);
    return rows[0]!.count;
  },
  linked: (id, request) =>
    pageOf<'created_at', { upstream: string }, Linked>(pool, LINKED, {
      ...request,
      filters: { upstream: id },
    }),
  async rolesLinked(id, tx) {
    const { rows } = await tx.query<{ role: string }>(ROLES_LINKED, [id]);
    return rows.map(({ role }) => role);
  },
});
