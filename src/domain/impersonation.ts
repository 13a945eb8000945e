/** Impersonation: an operator views as a person for support, visibly and for a short time. */
import { type Actor, systemActor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { randomToken, sha256 } from '../core/ids.ts';
import type { Impersonations, ImpersonationRecord } from '../storage/impersonations.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import type { Notices } from './notices.ts';
import { notOneself } from './operators/escalation.ts';
import { type Operator, refuse, requirePermission } from './operators/operator.ts';
import { type Rights, rolesOf } from './operators/rights.ts';

/** A view that has begun. */
export interface View {
  id: string;
  /** The operator's account. */
  operator: string;
  /** Seconds since the epoch. */
  until: number;
}

/** Why a view ended. */
export type ViewEnd = 'ended' | 'expired' | 'signed_out' | 'not_allowed';

/** A link that begins a view, or what it waits for. */
export type RequestedView = { id: string; expiresAt: Date } & (
  { state: 'ready'; token: string } | { state: 'waiting' }
);

/** An operator's request, as the person sees it. */
export interface ViewRequest {
  id: string;
  operator: string;
  reason: string;
  createdAt: Date;
  expiresAt: Date;
}

export interface Impersonation {
  /**
   * Requests to view as a person. The link works once, for a minute, where the operator is signed in.
   * @param askFirst whether the person is asked first; the setting may require it, too. Request again for the link, once they
   *   have agreed.
   * @throws DomainError insufficient_scope, user_not_found, invalid_request without a reason; forbidden for a service account
   *   (`service_account`), when disabled (`impersonation_off`), for oneself (`oneself`), an operator (`operator`), a suspended
   *   account (`suspended`), and a person who has just refused (`refused`).
   */
  request(
    operator: Operator,
    id: string,
    wish: { reason: string; askFirst?: boolean | undefined },
  ): Promise<RequestedView>;
  /** Requests that await a person's answer, oldest first. */
  waiting(accountId: string): Promise<ViewRequest[]>;
  /** Answers a request, once. @returns whether there was one. */
  answer(accountId: string, id: string, approved: boolean, actor: Actor): Promise<boolean>;
  /**
   * Begins the view that a link's token belongs to.
   * @param session the operator's, to which the browser returns.
   * @throws DomainError forbidden: `view_link` for a token that is expired, used or somebody else's; as `request`.
   */
  begin(
    token: string,
    session: { accountId: string; uid: string },
    actor: Actor,
  ): Promise<View & { accountId: string }>;
  /** Why a view has ended; null while it is active. Checks the operator's and the person's permissions again. */
  over(id: string): Promise<ViewEnd | null>;
  /** Ends a view with its session, grants and tokens. Does nothing when it has ended already. */
  end(view: { id: string; accountId?: string | undefined }, why: ViewEnd, actor?: Actor): Promise<void>;
  /** Ends expired views. @param limit the batch size. @returns how many. */
  sweep(limit: number): Promise<number>;
}

const MINUTE = 60_000;
/** Lifetime of a link. */
const LINK = MINUTE;
/** Duration of a view. */
const VIEW = 15 * MINUTE;
/** Time for a person to answer, and for an operator to begin then. */
const ANSWER = 60 * MINUTE;

const MAX_REASON_LENGTH = 500;

export function createImpersonation(
  dependencies: Pick<Stores, 'users' | 'revocation' | 'audit' | 'inTransaction'> & {
    store: Impersonations;
    rights: Rights;
    notices: Pick<Notices, 'viewed' | 'viewRequested'>;
    clock: Clock;
    /** Read each time: they may change at run time. */
    config: { impersonation: { enabled: boolean; askFirst: boolean; notify: boolean } };
  },
): Impersonation {
  const { store, users, rights, revocation, notices, audit, inTransaction, clock, config } = dependencies;
  const within = (milliseconds: number) => new Date(clock.now() + milliseconds);
  const isOn = () => config.impersonation.enabled;

  /** The account to view as. @throws DomainError user_not_found, forbidden. */
  async function subjectOf(id: string) {
    const subject = await users.findById(id);
    if (!subject) throw new DomainError('user_not_found');
    if (subject.status !== 'active') throw new DomainError('forbidden', { reason: 'suspended' });
    const weight = await rights.weightOf(rolesOf(subject));
    if (weight.size > 0) throw new DomainError('forbidden', { reason: 'operator' });
    return subject;
  }

  const nameOf = async (id: string): Promise<string> => {
    const account = await users.findById(id);
    return account?.name ?? account?.username ?? account?.email ?? id;
  };

  async function linkFor({ id }: ImpersonationRecord, tx: Tx): Promise<RequestedView> {
    const token = randomToken();
    const expiresAt = within(LINK);
    await store.setToken(id, sha256(token), expiresAt, tx);
    return { id, state: 'ready', token, expiresAt };
  }

  const detailsOf = ({ id, reason }: ImpersonationRecord) => ({ impersonation: id, reason });

  async function over(id: string): Promise<ViewEnd | null> {
    const found = await store.find(id);
    if (!found || found.endedAt !== null) return 'ended';
    if (found.expiresAt.getTime() <= clock.now()) return 'expired';
    const [held, subject] = await Promise.all([
      rights.ofAccount(found.operatorId),
      users.findById(found.subjectId),
    ]);
    const isAllowed =
      isOn() &&
      held.has('users:impersonate') &&
      subject?.status === 'active' &&
      (await rights.weightOf(rolesOf(subject))).size === 0;
    if (!isAllowed) return 'not_allowed';
    return found.isSignedIn ? null : 'signed_out';
  }

  const end: Impersonation['end'] = ({ id, accountId }, why, actor = systemActor) =>
    inTransaction(async (tx) => {
      const ended = await store.end(id, tx);
      const subject = ended?.subjectId ?? accountId;
      // Includes leftovers of a view whose row was deleted with its operator.
      if (subject !== undefined) await revocation.endView(subject, id, tx);
      if (!ended) return;
      const details = { impersonation: id, operator: ended.operatorId, why };
      await audit.record({ type: 'impersonation.ended', subject: ended.subjectId, details }, actor, tx);
    });

  return {
    async request(operator, id, { reason: typed, askFirst = false }) {
      requirePermission(operator, 'users:impersonate');
      const reason = typed.trim();
      if (reason === '' || reason.length > MAX_REASON_LENGTH) refuse('reason');
      const { accountId: operatorId, actor } = operator;
      if (operatorId === null) throw new DomainError('forbidden', { reason: 'service_account' });
      if (!isOn()) throw new DomainError('forbidden', { reason: 'impersonation_off' });
      notOneself(operator, id.toLowerCase());
      const subject = await subjectOf(id);
      const asked = askFirst || config.impersonation.askFirst;
      return inTransaction(async (tx) => {
        const known = asked ? await store.lockAsked(operatorId, subject.id, within(-ANSWER), tx) : null;
        if (known?.approved === false) throw new DomainError('forbidden', { reason: 'refused' });
        const isOpen = known?.endedAt === null && known.expiresAt.getTime() > clock.now();
        if (known && isOpen)
          return known.approved === true
            ? linkFor(known, tx)
            : { id: known.id, state: 'waiting', expiresAt: known.expiresAt };
        const created = await store.create(
          {
            operatorId,
            subjectId: subject.id,
            reason,
            asked,
            expiresAt: within(asked ? ANSWER : LINK),
          },
          tx,
        );
        const details = { ...detailsOf(created), asked };
        await audit.record({ type: 'impersonation.requested', subject: subject.id, details }, actor, tx);
        if (!asked) return linkFor(created, tx);
        const view = { id: created.id, by: await nameOf(operatorId), reason };
        await notices.viewRequested(subject, view, created.expiresAt, actor, tx);
        return { id: created.id, state: 'waiting', expiresAt: created.expiresAt };
      });
    },
    async waiting(accountId) {
      const found = await store.waiting(accountId);
      return Promise.all(
        found.map(async ({ id, operatorId, reason, createdAt, expiresAt }) => ({
          id,
          operator: await nameOf(operatorId),
          reason,
          createdAt,
          expiresAt,
        })),
      );
    },
    answer: (accountId, id, approved, actor) =>
      inTransaction(async (tx) => {
        const answered = await store.answer(accountId, id, { approved, expiresAt: within(ANSWER) }, tx);
        if (!answered) return false;
        await audit.record(
          {
            type: approved ? 'impersonation.approved' : 'impersonation.denied',
            subject: accountId,
            details: { ...detailsOf(answered), operator: answered.operatorId },
          },
          actor,
          tx,
        );
        return true;
      }),
    begin: (token, { accountId: operatorId, uid }, actor) =>
      inTransaction(async (tx) => {
        const expiresAt = within(VIEW);
        const begun = await store.begin(sha256(token), operatorId, { session: uid, expiresAt }, tx);
        if (!begun) throw new DomainError('forbidden', { reason: 'view_link' });
        if (!isOn()) throw new DomainError('forbidden', { reason: 'impersonation_off' });
        const held = await rights.ofAccount(operatorId);
        if (!held.has('users:impersonate'))
          throw new DomainError('insufficient_scope', { reason: 'users:impersonate' });
        const subject = await subjectOf(begun.subjectId);
        const details = { ...detailsOf(begun), until: expiresAt.toISOString() };
        await audit.record({ type: 'impersonation.started', subject: subject.id, details }, actor, tx);
        if (config.impersonation.notify)
          await notices.viewed(
            subject,
            { id: begun.id, by: await nameOf(operatorId), reason: begun.reason },
            actor,
            tx,
          );
        const until = Math.floor(expiresAt.getTime() / 1000);
        return { id: begun.id, operator: operatorId, accountId: subject.id, until };
      }),
    over,
    end,
    async sweep(limit) {
      let count = 0;
      for (const id of await store.running(limit)) {
        const why = await over(id);
        if (why === null) continue;
        await end({ id }, why);
        count += 1;
      }
      return count;
    },
  };
}
