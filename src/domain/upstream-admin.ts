import type { Upstream } from '../config/index.ts';
import type { Actor } from '../core/actor.ts';
import { DomainError } from '../core/errors.ts';
import type { Audit } from '../storage/audit.ts';
import type { InTransaction, Tx } from '../storage/postgres/transaction.ts';
import type { Upstreams } from '../storage/upstreams.ts';

export interface UpstreamAdmin {
  /** Registers a provider that people may sign in with. @throws DomainError upstream_taken. */
  create(upstream: Upstream, actor: Actor): Promise<void>;
  /** Registered and configured providers. */
  list(): Promise<(Upstream & { configured: boolean })[]>;
  /** Forgets one. Identities there stay connected, should it come back. @throws DomainError upstream_not_found. */
  delete(id: string, actor: Actor): Promise<void>;
}

interface Dependencies {
  upstreams: Upstreams;
  /** Those of the configuration. */
  configured: Upstream[];
  audit: Audit;
  inTransaction: InTransaction;
  /** Tells every node, once the transaction commits. */
  announce(tx: Tx): Promise<void>;
}

/** The providers that people may sign in with, as operators manage them. */
export function createUpstreamAdmin({
  upstreams,
  configured,
  audit,
  inTransaction,
  announce,
}: Dependencies): UpstreamAdmin {
  return {
    create: (upstream, actor) =>
      inTransaction(async (tx) => {
        const isTaken = configured.some(({ id }) => id === upstream.id);
        if (isTaken || !(await upstreams.create(upstream, tx))) throw new DomainError('upstream_taken');
        await audit.record({ type: 'upstream.created', details: { id: upstream.id } }, actor, tx);
        await announce(tx);
      }),
    async list() {
      const fromConfig = configured.map((one) => ({ ...one, configured: true }));
      const stored = (await upstreams.list()).map((one) => ({ ...one, configured: false }));
      return [...fromConfig, ...stored];
    },
    delete: (id, actor) =>
      inTransaction(async (tx) => {
        if (!(await upstreams.delete(id, tx))) throw new DomainError('upstream_not_found');
        await audit.record({ type: 'upstream.deleted', details: { id } }, actor, tx);
        await announce(tx);
      }),
  };
}
