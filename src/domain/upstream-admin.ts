import { type Upstream, upstreamSchema, type UpstreamSettings } from '../config/upstreams.ts';
import { DomainError } from '../core/errors.ts';
import type { Announce } from '../storage/postgres/notifications.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Linked, UpstreamRecord } from '../storage/upstreams.ts';
import type { Stores } from '../storage/stores.ts';
import type { Listed, ListOptions, ReadList } from './operators/lists.ts';
import { mayTouch } from './operators/escalation.ts';
import {
  differencesOf,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operators/operator.ts';
import type { Rights } from './operators/rights.ts';

/** A provider that people may sign in with, without its secret. */
export interface ManagedUpstream extends UpstreamSettings {
  enabled: boolean;
  /** Whether it is from the configuration, which alone can change it. */
  configured: boolean;
  version: number;
  /** Number of identities linked to accounts; counting ends at `MAX_LINKED`. */
  linked: number;
}

export type { Linked } from '../storage/upstreams.ts';

/** The mutable fields of a provider. Null resets to the default. */
export interface UpstreamChanges {
  name?: string | undefined;
  issuer?: string | null | undefined;
  endpoints?: UpstreamSettings['endpoints'] | null;
  /** The provider's names of these claims; others keep their mapping. */
  claims?: { [K in keyof UpstreamSettings['claims']]?: string | undefined } | null | undefined;
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  scopes?: string[] | null | undefined;
  logo?: string | null | undefined;
  trustEmail?: boolean | undefined;
  enabled?: boolean | undefined;
}

/** The result of testing a provider. */
export type UpstreamTest =
  { ok: true } | { ok: false; code: 'upstream_unavailable' | 'upstream_failed'; why: string };

export interface UpstreamAdmin {
  /** Those of the configuration, then the others. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<ManagedUpstream[]>;
  /** @throws DomainError insufficient_scope, upstream_not_found. */
  find(operator: Operator, id: string): Promise<ManagedUpstream>;
  /**
   * People linked to it, latest first. Also requires `users:read`.
   * @throws DomainError insufficient_scope, upstream_not_found, invalid_cursor.
   */
  linked(operator: Operator, id: string, options: ListOptions<'created_at', object>): Promise<Listed<Linked>>;
  /**
   * Registers a provider that people may sign in with. An enabled one must answer, unless `untested`.
   * @throws DomainError insufficient_scope, upstream_taken, invalid_request, stronger_operator when an operator still has an
   *   identity under that name.
   */
  create(
    operator: Operator,
    upstream: UpstreamChanges & { id: string },
    options?: { untested?: boolean },
  ): Promise<ManagedUpstream>;
  /**
   * @throws DomainError insufficient_scope, upstream_not_found, configured, precondition_failed, invalid_request,
   *   stronger_operator for changes that could sign in as an operator who is linked.
   */
  update(
    operator: Operator,
    id: string,
    changes: UpstreamChanges,
    expected?: Expected,
  ): Promise<ManagedUpstream>;
  /**
   * Deletes one. Its identities stay linked, in case it returns.
   * @param options.linked whether to delete it although people are linked
   * @throws DomainError insufficient_scope, upstream_not_found, configured, precondition_failed, in_use.
   */
  remove(
    operator: Operator,
    id: string,
    options?: { linked?: boolean; expected?: Expected | undefined; reason?: string },
  ): Promise<void>;
  /** Tests whether it can be used. @throws DomainError insufficient_scope, upstream_not_found. */
  test(operator: Operator, id: string): Promise<UpstreamTest>;
}

/** Where counting linked people ends. */
export const MAX_LINKED = 1_000;

/** Properties that decide whom a provider can sign in as. */
const TRUSTED = ['issuer', 'endpoints', 'claims', 'clientId', 'clientSecret', 'trustEmail'] as const;

/** `changes` applied to `before`. @throws DomainError invalid_request. */
function merged(
  before: Upstream | { id: string },
  { enabled: _enabled, ...changes }: UpstreamChanges,
): Upstream {
  const defined = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const { clientSecret = '', ...settings } = {
    clientSecret: undefined,
    ...before,
    ...defined,
  } as Partial<Upstream>;
  const claims = {
    ...('claims' in before && changes.claims !== null ? before.claims : {}),
    ...changes.claims,
  };
  const whole = Object.entries({ ...settings, claims }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const parsed = upstreamSchema.safeParse(Object.fromEntries(whole));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    refuse(path === '' ? 'issuer' : path, issue?.message);
  }
  if (clientSecret === '') refuse('clientSecret', 'is missing');
  return { ...parsed.data, clientSecret };
}

/** The audited fields of a provider, never the secret. */
const shown = ({
  upstream: { clientSecret: _secret, ...settings },
  enabled,
}: Pick<UpstreamRecord, 'upstream' | 'enabled'>) => ({
  ...settings,
  enabled,
});

/** The providers that people may sign in with, as operators manage them. */
export function createUpstreamAdmin({
  upstreams,
  configured,
  rights,
  probe,
  audit,
  readList,
  inTransaction,
  announce,
}: Pick<Stores, 'upstreams' | 'audit' | 'inTransaction'> & {
  /** Those of the configuration. */
  configured: Upstream[];
  rights: Pick<Rights, 'permissionsOf'>;
  readList: ReadList;
  /** Reads a provider's discovery document. @throws DomainError upstream_unavailable, upstream_failed. */
  probe(upstream: Upstream): Promise<void>;
  announce: Announce;
}): UpstreamAdmin {
  const managed = async ({ upstream, enabled, version }: UpstreamRecord, isConfigured = false, tx?: Tx) => {
    const { clientSecret: _secret, ...settings } = upstream;
    const linked = await upstreams.countLinked(upstream.id, MAX_LINKED, tx);
    return { ...settings, enabled, version, configured: isConfigured, linked };
  };
  const ofConfiguration = (id: string) => configured.find((one) => one.id === id);
  const always = (upstream: Upstream): UpstreamRecord => ({ upstream, enabled: true, version: 1 });

  const ask = async (upstream: Upstream): Promise<UpstreamTest> => {
    try {
      await probe(upstream);
      return { ok: true };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const code = error.code === 'upstream_unavailable' ? error.code : 'upstream_failed';
      return { ok: false, code, why: error.cause instanceof Error ? error.cause.message : error.message };
    }
  };
  const mustAnswer = async (upstream: Upstream) => {
    const result = await ask(upstream);
    if (!result.ok) refuse(upstream.issuer === undefined ? 'endpoints' : 'issuer', result.code);
  };

  /** Whoever controls a provider's endpoints can sign in as every linked person. */
  const maySpeakFor = async (operator: Operator, id: string, tx: Tx) =>
    mayTouch(operator, await rights.permissionsOf(await upstreams.rolesLinked(id, tx), tx));

  const findRecord = async (id: string) => {
    const fromFile = ofConfiguration(id);
    const record = fromFile
      ? always(fromFile)
      : (await upstreams.list()).find(({ upstream }) => upstream.id === id);
    if (!record) throw new DomainError('upstream_not_found');
    return { record, isConfigured: fromFile !== undefined };
  };

  const lock = async (id: string, expected: Expected | undefined, tx: Tx) => {
    if (ofConfiguration(id)) throw new DomainError('configured', { reason: 'upstreams' });
    const before = await upstreams.lock(id, tx);
    if (!before) throw new DomainError('upstream_not_found');
    checkVersion(before, expected);
    return before;
  };

  return {
    async list(operator) {
      requirePermission(operator, 'upstreams:read');
      const stored = (await upstreams.list()).filter(({ upstream: { id } }) => !ofConfiguration(id));
      return Promise.all([
        ...configured.map((one) => managed(always(one), true)),
        ...stored.map((one) => managed(one)),
      ]);
    },
    async find(operator, id) {
      requirePermission(operator, 'upstreams:read');
      const { record, isConfigured } = await findRecord(id);
      return managed(record, isConfigured);
    },
    async linked(operator, id, options) {
      requirePermission(operator, 'upstreams:read');
      requirePermission(operator, 'users:read');
      const { upstream } = (await findRecord(id)).record;
      return readList(`linked ${upstream.id}`, options, '-created_at', (request) =>
        upstreams.linked(upstream.id, request),
      );
    },
    async create(operator, { id, ...content }, { untested = false } = {}) {
      requirePermission(operator, 'upstreams:write');
      const upstream = merged({ id }, content);
      const enabled = content.enabled ?? true;
      if (ofConfiguration(id)) throw new DomainError('upstream_taken', { field: 'id' });
      if (enabled && !untested) await mustAnswer(upstream);
      return inTransaction(async (tx) => {
        const created = await upstreams.create({ upstream, enabled }, tx);
        if (!created) throw new DomainError('upstream_taken', { field: 'id' });
        await maySpeakFor(operator, id, tx);
        const details = { id, after: shown(created) };
        await audit.record({ type: 'upstream.created', details }, operator.actor, tx);
        await announce(tx);
        return managed(created, false, tx);
      });
    },
    async update(operator, id, changes, expected) {
      requirePermission(operator, 'upstreams:write');
      const { record } = await findRecord(id);
      const asked = {
        upstream: merged(record.upstream, changes),
        enabled: changes.enabled ?? record.enabled,
      };
      const isNew = !record.enabled || differencesOf(record.upstream, asked.upstream) !== null;
      if (asked.enabled && isNew && !ofConfiguration(id)) await mustAnswer(asked.upstream);
      return inTransaction(async (tx) => {
        const before = await lock(id, expected, tx);
        const after = {
          upstream: merged(before.upstream, changes),
          enabled: changes.enabled ?? before.enabled,
        };
        const moved = differencesOf(before.upstream, after.upstream);
        if (!moved && before.enabled === after.enabled) return managed(before, false, tx);
        if (TRUSTED.some((field) => moved && field in moved.after)) await maySpeakFor(operator, id, tx);
        const updated = await upstreams.update(after, tx);
        const changed = differencesOf(shown(before), shown(after));
        const isSecret = moved && 'clientSecret' in moved.after;
        await audit.record(
          {
            type: 'upstream.updated',
            details: { id, ...changed, ...(isSecret ? { secret: 'changed' } : {}) },
          },
          operator.actor,
          tx,
        );
        await announce(tx);
        return managed(updated, false, tx);
      });
    },
    async remove(operator, id, { linked = false, expected, reason } = {}) {
      requirePermission(operator, 'upstreams:write');
      await inTransaction(async (tx) => {
        const before = await lock(id, expected, tx);
        if (!linked && (await upstreams.countLinked(id, 1, tx)) > 0)
          throw new DomainError('in_use', { reason: 'people are linked; disable it' });
        await upstreams.delete(id, tx);
        const details = { id, reason, before: shown(before) };
        await audit.record({ type: 'upstream.deleted', details }, operator.actor, tx);
        await announce(tx);
      });
    },
    async test(operator, id) {
      requirePermission(operator, 'upstreams:write');
      return ask((await findRecord(id)).record.upstream);
    },
  };
}
