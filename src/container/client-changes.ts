import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';

/** What a change of a client needs, whoever makes it: an operator, or the client itself. Other nodes are told. */
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
