import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';

/** Dependencies of a change to a client, by an operator or by the client itself. Notifies other nodes. */
export const clientChanges = ({
  stores: { audit, clients, inTransaction, revocation, notifications },
}: {
  stores: Pick<Stores, 'audit' | 'clients' | 'inTransaction' | 'revocation' | 'notifications'>;
}) => ({
  clients,
  audit,
  inTransaction,
  endClient: (id: string, tx: Tx) => revocation.endClient(id, tx),
  announce: (id: string, tx: Tx) => notifications.publish('clients', id, tx),
});
