/** Backchannel requests (OpenID Connect CIBA Core 1.0), from request to answer. */
import type { Actor } from '../core/actor.ts';
import type {
  CibaRequestRecord as BackchannelRequest,
  CibaRequests as Store,
  NewCibaRequestRecord as NewBackchannelRequest,
} from '../storage/ciba-requests.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import type { GuessLimit } from './lockout.ts';
import { lookUp } from './lookup.ts';
import type { Notices } from './notices.ts';
import type { MailLimit } from './outgoing-mail.ts';
import { present } from './users/user.ts';

export type { CibaRequestRecord as BackchannelRequest } from '../storage/ciba-requests.ts';

type Answer = 'approved' | 'denied';

export interface BackchannelRequests {
  /**
   * Finds the account for a login hint. @throws DomainError rate_limited after too many unknown hints of the client,
   * unavailable.
   */
  resolveHint(hint: string, clientId: string): Promise<string | undefined>;
  /** Call it before making a request. @throws DomainError rate_limited when the person was asked too often, unavailable. */
  admit(accountId: string, clientId: string): Promise<void>;
  /** Stores a request for the person and notifies them by mail. @param app the client's name. */
  ask(request: NewBackchannelRequest, app: string, actor: Actor): Promise<void>;
  /** Requests that await the account's answer, oldest first. */
  waiting(accountId: string): Promise<BackchannelRequest[]>;
  /**
   * Answers a request, once.
   * @param prepare finds the request at the provider; null when it is gone. Its result writes the answer just before
   * the commit. @returns whether there was a request to answer.
   */
  answer(
    accountId: string,
    id: string,
    answer: Answer,
    actor: Actor,
    prepare: (
      request: BackchannelRequest & { authReqId: string },
    ) => Promise<((tx: Tx) => Promise<void>) | null>,
  ): Promise<boolean>;
}

/** Unknown login hints per client in ten minutes. */
const MAX_UNKNOWN_HINTS = 100;

export function createBackchannelRequests(
  dependencies: Pick<Stores, 'users' | 'audit' | 'inTransaction'> & {
    requests: Store;
    notices: Pick<Notices, 'loginRequested'>;
    guessLimit: GuessLimit;
    mailLimit: MailLimit;
    /** Requests to one person within an hour: of one client, and of all. Each may cause a mail. */
    limits: { perClient: number; perPerson: number };
  },
): BackchannelRequests {
  const { requests, users, notices, audit, inTransaction, guessLimit, mailLimit, limits } = dependencies;
  return {
    resolveHint: (hint, clientId) =>
      guessLimit('login-hint', [`client:${clientId}`], MAX_UNKNOWN_HINTS, async () => {
        const { account } = await lookUp(users, { identifier: hint });
        return account?.status === 'active' ? account.id : undefined;
      }),
    admit: (accountId, clientId) =>
      mailLimit([
        { of: `login-request:${accountId}:${clientId}`, limit: limits.perClient },
        { of: `login-request:${accountId}`, limit: limits.perPerson },
      ]),
    async ask(request, app, actor) {
      const account = present(await users.findById(request.accountId));
      await inTransaction(async (tx) => {
        await requests.create(request, tx);
        await notices.loginRequested(account, { ...request, app }, actor, tx);
        const { accountId: subject, clientId } = request;
        await audit.record({ type: 'login.requested', subject, clientId }, actor, tx);
      });
    },
    waiting: (accountId) => requests.listOf(accountId),
    answer: (accountId, id, answer, actor, prepare) =>
      inTransaction(async (tx) => {
        const request = await requests.take(accountId, id, tx);
        const write = request && (await prepare(request));
        if (!write) return false;
        const { clientId, asked } = request;
        await audit.record(
          { type: `login_request.${answer}`, subject: accountId, clientId, details: { ...asked } },
          actor,
          tx,
        );
        // Last, because it cannot be rolled back.
        await write(tx);
        return true;
      }),
  };
}
