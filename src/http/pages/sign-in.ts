import type { Context } from 'koa';
import type { Acr } from '../../domain/mfa/index.ts';
import type { Authentication, Logins, LoginStep } from '../../domain/login.ts';
import { type KnownDevice, withDevice } from '../../domain/known-devices.ts';
import type { FirstFactor } from '../../domain/login-steps.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Login } from '../../oidc/sessions/browser-session.ts';
import { anonymousActor } from '../actor.ts';
import type { PageParts } from './dependencies.ts';
import { field } from './form.ts';
import { afterLogout } from './logged-out.ts';
import { formStatus, missing, type PasswordBounds, problemOf, type Problem } from './problems.ts';

/** The acr of a sign-in with one factor. */
export const ACR_ONE_FACTOR: Acr = 'urn:postern:acr:1fa';

export interface SignedIn {
  accountId: string;
  /** The account's security version at authentication. */
  securityVersion: number;
  amr: string[];
  acr: Acr;
  /** Seconds since the epoch. */
  authTime: number;
  remember: boolean;
}

/** The first factor of a login, by its amr. */
export const firstFactorOf = (amr: readonly string[]): FirstFactor =>
  amr.includes('fed') ? 'federated' : amr.includes('email') ? 'mail' : 'password';

/** A mistake that the person can correct. `retryAfter` is in seconds. */
export interface Refusal {
  problems: Problem[];
  status: number;
  retryAfter?: number | undefined;
  /** Whether wrong passwords are the reason: then a mailed link is a way in. */
  locked?: boolean;
}

/** `enrol`: the account must have a second factor and has none. `renew`: its password must be replaced. */
export type Outcome = { signedIn: SignedIn; enrol: boolean; renew: boolean };
export type SignInAttempt = Outcome | { pending: LoginStep; remember: boolean } | Refusal;

export const outcomeOf = (authentication: Authentication, remember: boolean): Outcome => {
  const { user, amr, acr, authTime, enrolmentRequired, renewalRequired } = authentication;
  const { id: accountId, securityVersion } = user;
  return {
    signedIn: { accountId, securityVersion, amr, acr, authTime, remember },
    enrol: enrolmentRequired,
    renew: renewalRequired,
  };
};

/** Remembers that the account signed in with this browser (`KnownDevice`). */
export function noteDevice(
  ctx: Context,
  { known, clock }: Pick<PageParts, 'known' | 'clock'>,
  { accountId: id, securityVersion }: Pick<SignedIn, 'accountId' | 'securityVersion'>,
): void {
  known.set(ctx, '/', withDevice(known.read(ctx, '/') ?? [], { id, securityVersion }, clock.now()));
}

/**
 * Signs the browser in.
 * @param continueUrl where the browser continues.
 * @returns where it goes first: apps of another person who was signed in may need notice through the browser.
 * @throws DomainError invalid_token when the account's security version has changed since its authentication.
 */
export async function signInBrowser(
  ctx: Context,
  deps: PageParts,
  signedIn: Login & Pick<SignedIn, 'securityVersion'>,
  continueUrl: string,
): Promise<string> {
  const { sessions, accounts } = deps;
  const stands = async () =>
    (await accounts.find(signedIn.accountId))?.securityVersion === signedIn.securityVersion;
  const done = await sessions.login(ctx.req, ctx.res, signedIn, stands);
  if (!done) throw new DomainError('invalid_token');
  noteDevice(ctx, deps, signedIn);
  return afterLogout(ctx, deps, done.ended, continueUrl);
}

/**
 * Runs `work`. Returns mistakes that the person can correct; throws anything else. @param status the reply's status, unless a
 * retry may help.
 */
export async function attempt<Result>(
  work: () => Promise<Result>,
  bounds: PasswordBounds,
  status = 401,
): Promise<Result | Refusal> {
  try {
    return await work();
  } catch (error) {
    const problem = isDomainError(error) ? problemOf(error, bounds) : undefined;
    if (!problem || !isDomainError(error)) throw error;
    const { retryAfter } = error.details;
    const locked = error.code === 'account_locked';
    return { problems: [problem], status: formStatus(error.code, status), retryAfter, locked };
  }
}

/**
 * Handles a posted sign-in form.
 * @param device the token of a trusted device, if the browser has one.
 * @param known the accounts that signed in with the browser.
 */
export async function trySignIn(
  ctx: Context,
  { beginLogin }: Pick<Logins, 'beginLogin'>,
  bounds: PasswordBounds,
  device: string | null,
  known: readonly KnownDevice[],
): Promise<SignInAttempt> {
  const identifier = field(ctx, 'identifier').trim();
  const password = field(ctx, 'password');
  const empty = [identifier ? [] : missing('identifier'), password ? [] : missing('password')].flat();
  if (empty.length > 0) return { problems: empty, status: 400 };
  const remember = field(ctx, 'remember') === 'yes';
  return attempt(async () => {
    const actor = anonymousActor(ctx, 'pages');
    const begun = await beginLogin({ identifier, password, actor, device, known });
    return 'pending' in begun ? { ...begun, remember } : outcomeOf(begun, remember);
  }, bounds);
}
