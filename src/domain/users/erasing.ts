import type { Audit } from '../../storage/audit.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';

interface Dependencies {
  users: Pick<Users, 'delete'>;
  audit: Pick<Audit, 'forget'>;
}

/** Deletes an account with all that is its own, and takes off the audit what leads to its owner. */
export async function erase({ users, audit }: Dependencies, accountId: string, tx: Tx): Promise<void> {
  await users.delete(accountId, tx);
  await audit.forget(accountId, tx);
}
