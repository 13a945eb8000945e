import { randomInt } from 'node:crypto';
import { systemActor } from '../../core/actor.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import { parseEmail } from '../identifiers.ts';
import { changesOf } from '../operators/operator.ts';
import { OWNER } from '../operators/permissions.ts';
import { insert, prepare } from './creation.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { present, toUser, type User } from './user.ts';

export interface FirstAdmin {
  user: User;
  /** The password that was made up, to be shown once; null when the operator chose it. */
  password: string | null;
}

export interface FirstAdmins {
  /**
   * Makes an administrator and owner (username `admin`) when no account with that role is active; of nodes that start together
   * one does. An account that has the address already becomes the administrator and keeps its password, unless its owner was
   * never proven.
   * @param options the address (admin@postern.localhost unless given) and the password (made up unless given).
   * @returns null when there is an administrator. @throws DomainError invalid_email, weak_password.
   */
  ensureFirstAdmin(options: {
    email?: string | undefined;
    password?: string | undefined;
  }): Promise<FirstAdmin | null>;
}

/** Roles of the first administrator: everything, here and at the contracts. */
const FIRST_ROLES = ['admin', OWNER];

/** Letters and digits that cannot be confused. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password to read and type once: five groups of four, 99 bits. */
const readablePassword = (): string =>
  Array.from({ length: 5 }, () =>
    Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
  ).join('-');

/** What becoming an administrator changes, before and after. */
const promotion = ({ roles: before, status }: UserRecord, roles: string[]) =>
  changesOf({ roles: before, status }, { roles, status: 'active' });

export function firstAdmins(dependencies: AccountsDependencies): FirstAdmins {
  const { users, audit, inTransaction, lockFirstAdmin, policy, hasher, claim } = dependencies;

  /**
   * Claims an account that a stranger may have registered with the operator's address, and clears everything set on
   * it.
   */
  const takeOver = async (
    account: UserRecord,
    chosenPassword: string | undefined,
    tx: Tx,
  ): Promise<FirstAdmin> => {
    const password = chosenPassword ?? readablePassword();
    await policy.check(password, account);
    const passwordHash = await hasher.hash(password);
    const roles = [...new Set([...account.roles, ...FIRST_ROLES])];
    const { email } = account;
    const { emailKey } = parseEmail(email);
    const evidence = { email, emailKey, ownerProvenAt: null, at: null };
    const columns = { roles, status: 'active', passwordHash } as const;
    const user = await claim(account, evidence, columns, systemActor, tx);
    const details = { fields: ['roles', 'status', 'passwordHash'], roles, ...promotion(account, roles) };
    await audit.record({ type: 'user.updated', subject: user.id, details }, systemActor, tx);
    return { user: toUser(user), password: chosenPassword === undefined ? password : null };
  };

  return {
    ensureFirstAdmin: ({ email = 'admin@postern.localhost', password }) =>
      inTransaction(async (tx) => {
        await lockFirstAdmin(tx);
        if ((await users.lockWithRole('admin', tx)).length > 0) return null;

        const existing = await users.findByEmailKey(parseEmail(email).emailKey);
        if (existing && existing.ownerProvenAt === null) return takeOver(existing, password, tx);
        if (existing) {
          const roles = [...new Set([...existing.roles, ...FIRST_ROLES])];
          const user = present(await users.update(existing.id, { roles, status: 'active' }, tx));
          const details = { fields: ['roles', 'status'], roles, ...promotion(existing, roles) };
          await audit.record({ type: 'user.updated', subject: user.id, details }, systemActor, tx);
          return { user: toUser(user), password: null };
        }

        const made = password === undefined ? readablePassword() : null;
        const username = (await users.findByUsernameKey('admin')) ? null : 'admin';
        const user = await prepare(dependencies, {
          email,
          username,
          password: password ?? made,
          isVouchedFor: true,
          roles: ['user', ...FIRST_ROLES],
        });
        return { user: toUser(await insert(dependencies, user, systemActor, tx)), password: made };
      }),
  };
}
