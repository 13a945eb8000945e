/** Credentials and access of accounts, as operators see and end them. */
import { DomainError } from '../../core/errors.ts';
import type { AccountEvent, GatherAccountData, History } from '../history.ts';
import type { Mfa, MfaStatus } from '../mfa/index.ts';
import type { AccountSession, AccountSessions, ConnectedApp } from '../sessions.ts';
import type { LinkedIdentity, Linking } from '../upstream.ts';
import type { Sessions } from '../../storage/sessions.ts';
import type { Audit } from '../../storage/audit.ts';
import { deviceOf } from '../notices.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import type { OnAccount } from './escalation.ts';
import { type Operator, requirePermission } from './operator.ts';
import type { People } from './people.ts';
import type { Permission } from './permissions.ts';

/** A session with its account. */
export type AnySession = AccountSession & { user: { id: string; email: string; name: string | null } };

/** All throw DomainError insufficient_scope; all except `allSessions` user_not_found. */
export interface Access {
  factors(operator: Operator, id: string): Promise<MfaStatus>;
  /**
   * Removes one factor, or all of them; even one that the account must have: its next sign-in requires another.
   * @param factor an id, or `recovery_codes`.
   * @returns how many.
   * @throws DomainError factor_not_found, stronger_operator, last_owner.
   */
  removeFactors(operator: Operator, id: string, factor?: string): Promise<number>;
  sessions(operator: Operator, id: string): Promise<AccountSession[]>;
  /** Signed-in browsers with their accounts, latest first. @throws DomainError invalid_cursor. */
  allSessions(operator: Operator, options: ListOptions<'created_at', object>): Promise<Listed<AnySession>>;
  /** @throws DomainError not_found, stronger_operator. */
  endSession(operator: Operator, id: string, session: string): Promise<void>;
  /** Ends grants and keys, too. @returns how many. @throws DomainError stronger_operator. */
  endSessions(operator: Operator, id: string): Promise<number>;
  apps(operator: Operator, id: string): Promise<ConnectedApp[]>;
  /** @param clientId all of them by default. @returns how many. @throws DomainError not_found, stronger_operator. */
  disconnect(operator: Operator, id: string, clientId?: string): Promise<number>;
  identities(operator: Operator, id: string): Promise<LinkedIdentity[]>;
  /** @throws DomainError not_found, last_way_in, stronger_operator, last_owner. */
  removeIdentity(operator: Operator, id: string, identity: string): Promise<void>;
  /** Newest first. @throws DomainError invalid_cursor. */
  events(operator: Operator, id: string, options: ListOptions<'at', object>): Promise<Listed<AccountEvent>>;
  /** All data of an account; reading it is audited. */
  data(operator: Operator, id: string): ReturnType<GatherAccountData>;
}

interface Dependencies {
  people: Pick<People, 'find'>;
  mfa: Pick<Mfa, 'status' | 'reset'>;
  accountSessions: AccountSessions;
  store: Pick<Sessions, 'page'>;
  identities: Pick<Linking, 'identitiesOf' | 'unlink'>;
  history: History;
  accountData: GatherAccountData;
  readList: ReadList;
  onAccount: OnAccount;
  audit: Pick<Audit, 'record'>;
}

/** @throws DomainError insufficient_scope, which names the first missing one. */
function requireAny(operator: Operator, first: Permission, other: Permission): void {
  if (!operator.permissions.has(other)) requirePermission(operator, first);
}

export function createAccess(dependencies: Dependencies): Access {
  const { people, mfa, accountSessions, identities, history, accountData, readList, onAccount } =
    dependencies;
  /** The id of an existing account. */
  const known = async (operator: Operator, id: string): Promise<string> => {
    // Permission for one aspect of accounts does not include the accounts.
    const seeing = { ...operator, permissions: new Set<Permission>(['users:read']) };
    return (await people.find(seeing, id)).id;
  };
  return {
    async factors(operator, id) {
      requirePermission(operator, 'users:read');
      return mfa.status(await known(operator, id));
    },
    async removeFactors(operator, id, factor) {
      requirePermission(operator, 'users:credentials');
      return onAccount(operator, id, { leaves: true }, (account) =>
        mfa.reset(account.id, operator.actor, factor),
      );
    },
    async sessions(operator, id) {
      requireAny(operator, 'users:read', 'sessions:read');
      return accountSessions.list(await known(operator, id));
    },
    async allSessions(operator, options) {
      requirePermission(operator, 'sessions:read');
      const page = await readList('sessions', options, '-created_at', ({ limit, after }) =>
        dependencies.store.page({ limit, after }),
      );
      const items = page.items.map(({ user, session: { userAgent, ...session } }) => ({
        ...session,
        ...deviceOf(userAgent),
        user,
      }));
      return { ...page, items };
    },
    async endSession(operator, id, session) {
      requirePermission(operator, 'sessions:write');
      return onAccount(operator, id, {}, async (account) => {
        if (!(await accountSessions.end(account.id, session, operator.actor)))
          throw new DomainError('not_found');
      });
    },
    async endSessions(operator, id) {
      requirePermission(operator, 'sessions:write');
      return onAccount(operator, id, {}, (account) =>
        accountSessions.endOthers(account.id, null, operator.actor),
      );
    },
    async apps(operator, id) {
      requireAny(operator, 'users:read', 'sessions:read');
      return accountSessions.apps(await known(operator, id));
    },
    async disconnect(operator, id, clientId) {
      requirePermission(operator, 'sessions:write');
      return onAccount(operator, id, {}, async (account) => {
        const all =
          clientId === undefined
            ? (await accountSessions.apps(account.id)).map((app) => app.clientId)
            : [clientId];
        let count = 0;
        for (const one of all)
          if (await accountSessions.disconnect(account.id, one, operator.actor)) count += 1;
        if (clientId !== undefined && count === 0) throw new DomainError('not_found');
        return count;
      });
    },
    async identities(operator, id) {
      requirePermission(operator, 'users:read');
      return identities.identitiesOf(await known(operator, id));
    },
    async removeIdentity(operator, id, identity) {
      requirePermission(operator, 'users:credentials');
      return onAccount(operator, id, { leaves: true }, async (account) => {
        if (!(await identities.unlink(account.id, identity, operator.actor)))
          throw new DomainError('not_found');
      });
    },
    async events(operator, id, options) {
      requirePermission(operator, 'users:read');
      const of = await known(operator, id);
      return readList(`events ${of}`, options, '-at', async ({ limit, after }) => {
        const found = await history(of, { limit: limit + 1, after: after?.[0] });
        const items = found.slice(0, limit);
        const last = items.at(-1);
        return { items, next: found.length > limit && last ? [last.id] : null };
      });
    },
    async data(operator, id) {
      requirePermission(operator, 'users:export');
      const of = await known(operator, id);
      await dependencies.audit.record(
        { type: 'users.exported', subject: of, details: { matter: 'data' } },
        operator.actor,
      );
      return accountData(of);
    },
  };
}
