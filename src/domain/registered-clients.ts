import { type Actor, systemActor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import type { ClientRecord } from '../storage/clients.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import { changesOf } from './operators/operator.ts';

/** A client as its own document describes it. */
type Described = Pick<ClientRecord, 'id' | 'name' | 'metadata'>;

/** Clients that no operator registered (RFC 7591, RFC 7592, metadata documents). The caller has checked their metadata. */
export interface RegisteredClients {
  /** Creates a client, or replaces everything but its id. */
  save(client: Pick<ClientRecord, 'id' | 'name' | 'secretHash' | 'metadata'>, actor: Actor): Promise<void>;
  /** Deletes it, if it still exists; its grants and tokens end at once. */
  delete(id: string, actor: Actor): Promise<void>;
  /**
   * The cache state of a client metadata document: how long it is fresh, and whether it is usable. Null when unknown;
   * without expiry for a client with this id that is not a document.
   */
  findDocument(id: string): Promise<{ expiresAt: Date | null; isBlocked: boolean } | null>;
  /**
   * Stores a fetched document and keeps the operators' changes. @param kept metadata properties that operators
   * control
   * @throws DomainError rate_limited after too many new documents of its host within a day.
   */
  saveDocument(
    client: Described,
    document: { host: string; expiresAt: Date; kept: readonly string[] },
    actor: Actor,
  ): Promise<void>;
  /** Deletes a batch of unused clients. @returns how many. */
  sweep(limit: number): Promise<number>;
}

const DAY = 86_400_000;

/** New documents of one host within a day: a domain's owner can have any number of URLs, and each takes a row. */
const MAX_PER_HOST = 50;

/** The properties of `metadata`, all removed. */
const absent = (metadata: Record<string, unknown>): Record<string, null> =>
  Object.fromEntries(Object.keys(metadata).map((name) => [name, null]));

export function createRegisteredClients({
  clients,
  clientDocuments,
  audit,
  inTransaction,
  clock,
  unusedAfter,
  endClient,
  announce,
}: Pick<Stores, 'clients' | 'clientDocuments' | 'audit' | 'inTransaction'> & {
  clock: Clock;
  /** Seconds after which an unvouched client is deleted: since its registration if unused, else since its last use. */
  unusedAfter: { never: number; used: number };
  /** Ends every grant and token of a client, in the transaction. */
  endClient(clientId: string, tx: Tx): Promise<void>;
  /** Tells every node, once the transaction commits. */
  announce(clientId: string, tx: Tx): Promise<void>;
}): RegisteredClients {
  const remove = (id: string, details: Record<string, unknown>, actor: Actor): Promise<void> =>
    inTransaction(async (tx) => {
      await endClient(id, tx);
      if (!(await clients.delete(id, tx))) return;
      await audit.record({ type: 'client.deleted', clientId: id, details }, actor, tx);
      await announce(id, tx);
    });

  const insert = async (client: Described, host: string, actor: Actor, tx: Tx): Promise<void> => {
    const { id, name, metadata } = client;
    const since = new Date(clock.now() - DAY);
    if ((await clientDocuments.countNew(host, since, tx)) >= MAX_PER_HOST)
      throw new DomainError('rate_limited', { retryAfter: 3600 });
    await clients.create({ id, name, secretHash: null, metadata }, tx);
    const details = { name, document: true, after: metadata };
    await audit.record({ type: 'client.created', clientId: id, details }, actor, tx);
    await announce(id, tx);
  };

  const replace = async (before: ClientRecord, next: Described, actor: Actor, tx: Tx): Promise<void> => {
    const changed = changesOf<Record<string, unknown>>(
      { ...absent(next.metadata), name: before.name, ...before.metadata },
      { ...absent(before.metadata), name: next.name, ...next.metadata },
    );
    if (!changed) return;
    const { id, name, metadata } = next;
    await clients.update(id, { name, metadata }, tx);
    const details = { name, document: true, ...changed };
    await audit.record({ type: 'client.updated', clientId: id, details }, actor, tx);
    await announce(id, tx);
  };

  return {
    save: ({ id, ...client }, actor) =>
      inTransaction(async (tx) => {
        const updated = await clients.update(id, client, tx);
        if (!updated) await clients.create({ id, ...client }, tx);
        const type = updated ? 'client.updated' : 'client.created';
        const details = { name: client.name, registered: true };
        await audit.record({ type, clientId: id, details }, actor, tx);
        await announce(id, tx);
      }),
    delete: (id, actor) => remove(id, { registered: true }, actor),
    async findDocument(id) {
      const client = await clients.find(id);
      if (!client) return null;
      return { expiresAt: await clientDocuments.freshUntil(id), isBlocked: !client.enabled };
    },
    saveDocument: (client, { host, expiresAt, kept }, actor) =>
      inTransaction(async (tx) => {
        const { id, metadata } = client;
        // Of two requests for the same document, one comes first.
        await clientDocuments.lock(id, tx);
        const before = await clients.lock(id, tx);
        if (before) {
          const preserved = Object.entries(before.metadata).filter(([property]) => kept.includes(property));
          await replace(
            before,
            { ...client, metadata: { ...Object.fromEntries(preserved), ...metadata } },
            actor,
            tx,
          );
        } else await insert(client, host, actor, tx);
        const fetchedAt = new Date(clock.now());
        await clientDocuments.save({ clientId: id, host, fetchedAt, expiresAt }, tx);
      }),
    async sweep(limit) {
      const now = clock.now();
      const { never, used } = unusedAfter;
      const ids = await clients.unused({ created: now - never * 1000, used: now - used * 1000 }, limit);
      for (const id of ids) await remove(id, { unused: true }, systemActor);
      return ids.length;
    },
  };
}
