import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import type { Acr } from './mfa/requirement.ts';

/** The first factor. */
export type FirstFactor = 'password' | 'federated' | 'mail';

/** The content of each kind of step. */
interface Content {
  /** The first factor was right; the second is still to come. */
  'second-factor': { first: FirstFactor };
  /** The first factor was right; the account must set up its second one now. */
  'enrolment': { first: FirstFactor };
  /** Everything was right: the browser must return once more, to be signed in. */
  'arrival': { amr: string[]; acr: Acr; authTime: number };
}
type Kind = keyof Content;

/** A single-use value. `expiresAt` is when it expires anyway, in milliseconds. */
export interface Once {
  id: string;
  expiresAt: number;
}

export interface OpenStep<K extends Kind> extends Once {
  account: UserRecord;
  content: Content[K];
}

/**
 * Logins under way, as tokens that browsers carry and only this service can read: nothing is stored for them, and no page needs
 * the password again. A token is for one kind of step. It ends after ten minutes, with every change of the account's security
 * version, and with its use.
 */
export interface LoginSteps {
  seal<K extends Kind>(
    kind: K,
    account: Pick<UserRecord, 'id' | 'securityVersion'>,
    content: Content[K],
  ): string;
  /** @param token unchecked. @returns null when it is not of this kind, or has ended. */
  open<K extends Kind>(kind: K, token: unknown): Promise<OpenStep<K> | null>;
  /**
   * Uses up a step in `tx`; one of concurrent attempts succeeds.
   * @throws DomainError invalid_token for the others.
   */
  use(step: Once, tx: Tx): Promise<void>;
  /** Whether a step was used. */
  isUsed(step: Once): Promise<boolean>;
  /**
   * Uses up a step for `work`, unless that fails.
   * @param work opens no transaction of its own.
   * @throws DomainError invalid_token; what `work` throws.
   */
  finish<T>(step: Once, work: () => Promise<T>): Promise<T>;
}

/** Seconds that a step may wait for the next. */
export const LOGIN_STEP_TTL = 600;

interface Sealed<K extends Kind> {
  accountId: string;
  securityVersion: number;
  content: Content[K];
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

const purposeOf = (kind: Kind): string => `login-step:${kind}`;

export function createLoginSteps({
  users,
  usedSteps,
  inTransaction,
  secrets,
  clock,
}: Pick<Stores, 'users' | 'usedSteps' | 'inTransaction'> & { secrets: Secrets; clock: Clock }): LoginSteps {
  const unseal = <K extends Kind>(kind: K, bytes: Buffer): Sealed<K> | null => {
    try {
      return JSON.parse(secrets.open(purposeOf(kind), bytes)) as Sealed<K>;
    } catch {
      // Not one of ours.
      return null;
    }
  };
  const use: LoginSteps['use'] = async ({ id, expiresAt }, tx) => {
    if (!(await usedSteps.add(id, new Date(expiresAt), tx))) throw new DomainError('invalid_token');
  };
  return {
    seal(kind, { id: accountId, securityVersion }, content) {
      const expiresAt = clock.now() + LOGIN_STEP_TTL * 1000;
      const sealed: Sealed<typeof kind> = { accountId, securityVersion, content, expiresAt };
      return secrets.seal(purposeOf(kind), JSON.stringify(sealed)).toString('base64url');
    },
    async open(kind, token) {
      const bytes = Buffer.from(typeof token === 'string' ? token : '', 'base64url');
      const sealed = unseal(kind, bytes);
      if (!sealed || sealed.expiresAt <= clock.now()) return null;
      const account = await users.findById(sealed.accountId);
      if (account?.status !== 'active' || account.securityVersion !== sealed.securityVersion) return null;
      // Hash the bytes: one token has several spellings.
      const id = sha256(bytes.toString('base64url'));
      if (await usedSteps.has(id)) return null;
      return { id, account, content: sealed.content, expiresAt: sealed.expiresAt };
    },
    use,
    isUsed: ({ id }) => usedSteps.has(id),
    finish: (step, work) =>
      inTransaction(async (tx) => {
        await use(step, tx);
        return work();
      }),
  };
}
