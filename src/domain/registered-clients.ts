import type { Actor } from '../core/actor.ts';
import type { ClientRecord } from '../storage/clients.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';

interface Dependencies extends Pick<Stores, 'clients' | 'audit' | 'inTransaction'> {
  /** Ends every grant and token of a client, in the transaction. */
  endClient(clientId: string, tx: Tx): Promise<void>;
  /** Tells every node, once the transaction commits. */
  announce(clientId: string, tx: Tx): Promise<void>;
}

/** Self-registered clients (RFC 7591, RFC 7592). The caller has checked their metadata. */
export interface RegisteredClients {
  /** Creates a client, or replaces everything but its id. */
  save(client: Pick<ClientRecord, 'id' | 'name' | 'secretHash' | 'metadata'>, actor: Actor): Promise<void>;
  /** Deletes it, if it is there still; its grants and tokens end at once. */
  delete(id: string, actor: Actor): Promise<void>;
}

export function createRegisteredClients({
  clients,
  audit,
  inTransaction,
  endClient,
  announce,
}: Dependencies): RegisteredClients {
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
    delete: (id, actor) =>
      inTransaction(async (tx) => {
        await endClient(id, tx);
        if (!(await clients.delete(id, tx))) return;
        await audit.record(
          { type: 'client.deleted', clientId: id, details: { registered: true } },
          actor,
          tx,
        );
        await announce(id, tx);
      }),
  };
}
