import { DomainError } from '../../core/errors.ts';
import type { InTransaction, Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord, Users } from '../../storage/users.ts';
import { mayTouch, type Operator } from './operator.ts';
import { type Rights, rolesOf } from './rights.ts';
import type { KeepStanding } from './standing.ts';
import { checkVersion, type Expected } from './versions.ts';

interface Options {
  expected?: Expected | undefined;
  /** Whether it takes or gives a way in, or ends something: then the account must not be a stronger operator's. */
  touches?: boolean;
  /** Whether the account may stop being an owner who can sign in. */
  leaves?: boolean;
}

/**
 * Runs what an operator does to an account in one transaction, with the account locked and the rules against escalation
 * checked before. Use cases that open transactions of their own become a part of it.
 * @throws DomainError user_not_found, precondition_failed, stronger_operator; with `leaves` last_owner, forbidden.
 */
export type OnAccount = <T>(
  operator: Operator,
  id: string,
  options: Options,
  act: (account: UserRecord, tx: Tx) => Promise<T>,
) => Promise<T>;

interface Dependencies {
  users: Pick<Users, 'lock'>;
  rights: Pick<Rights, 'weightOf'>;
  keepStanding: KeepStanding;
  asOne: InTransaction;
}

export const createOnAccount =
  ({ users, rights, keepStanding, asOne }: Dependencies): OnAccount =>
  (operator, id, { expected, touches = true, leaves = false }, act) =>
    asOne((tx) => {
      const change = async () => {
        const account = await users.lock(id, tx);
        if (!account) throw new DomainError('user_not_found');
        checkVersion(account, expected);
        if (touches) mayTouch(operator, await rights.weightOf(rolesOf(account), tx));
        return act(account, tx);
      };
      return leaves ? keepStanding(operator, tx, change) : change();
    });
