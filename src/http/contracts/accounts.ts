import { strengthOf } from '../../domain/mfa/requirement.ts';
import type { Registration, User } from '../../domain/users/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Actor } from '../../core/actor.ts';
import type { TokenSet } from '../../oidc/contracts/tokens.ts';
import type { Caller, ContractServices } from './contract.ts';
/** The name to show for an account without a username, at contracts that require one. */
export const usernameOf = (user: User): string => user.username ?? user.email;

/** The calling account. @throws DomainError invalid_token when it no longer exists. */
export async function callingUser({ accounts }: ContractServices, caller: Caller | null): Promise<User> {
  const user = caller?.accountId ? await accounts.find(caller.accountId) : null;
  if (user?.status !== 'active') throw new DomainError('invalid_token');
  return user;
}

/**
 * Call before changing another account at a contract: operators are managed only by the management API, which compares
 * permissions.
 * @throws DomainError forbidden when the account is an operator's.
 */
export async function refuseOperator({ rights }: ContractServices, accountId: string): Promise<void> {
  if ((await rights.ofAccount(accountId)).size > 0) throw new DomainError('forbidden');
}

/**
 * Creates an account for its owner at a contract whose reply signs them in.
 * @throws DomainError mfa_required with the reason `enrolment` when such an account must have a second factor first: then it is
 *   created on the pages; and what registration throws.
 */
export async function join(
  { accounts, mfa, tokens, clock }: ContractServices,
  contract: string,
  registration: Registration,
  { actor, signal }: { actor: Actor; signal: AbortSignal },
): Promise<{ user: User; tokens: TokenSet }> {
  if (mfa.isRequired({ roles: ['user'] })) throw new DomainError('mfa_required', { reason: 'enrolment' });
  const user = await accounts.register(registration, actor, signal);
  const login = { ...strengthOf(['password']), authTime: epochSeconds(clock) };
  return { user, tokens: await tokens.issue(contract, user.id, login) };
}

/**
 * The calling account, for what could take an account over: changing its address or password, deleting it, creating a key. With
 * `contracts.freshSignIn` the login must be no older than that, however new its access token is.
 * @throws DomainError invalid_token; insufficient_user_authentication when the login is older.
 */
export async function recentUser(services: ContractServices, caller: Caller | null): Promise<User> {
  const user = await callingUser(services, caller);
  const { freshSignIn } = services.settings;
  const authTime = caller?.kind === 'user' ? caller.claims['auth_time'] : undefined;
  const age = epochSeconds(services.clock) - (typeof authTime === 'number' ? authTime : 0);
  if (freshSignIn !== null && age > freshSignIn) throw new DomainError('insufficient_user_authentication');
  return user;
}

export interface Credentials {
  /** An email address or a username; with `email`, an address only. */
  identifier?: string;
  email?: string;
  password: string;
  /** A TOTP or recovery code. */
  otp?: string | undefined;
}

/**
 * Logs in at `contract`.
 * @param from who asks, and a signal that aborts when the client disconnects.
 * @throws DomainError as every login does.
 */
export async function logIn(
  services: ContractServices,
  contract: string,
  credentials: Credentials,
  { actor, signal }: { actor: Actor; signal: AbortSignal },
): Promise<{ user: User; tokens: TokenSet }> {
  const { identifier, email, password, otp } = credentials;
  const who = email === undefined ? { identifier } : { email };
  const { user, amr, acr, authTime } = await services.login({ ...who, password, otp, actor, signal });
  const tokens = await services.tokens.issue(contract, user.id, { amr, acr, authTime });
  // Revocation ends only existing tokens. It may have happened in between, before these existed.
  const now = await services.accounts.find(user.id);
  if (now?.securityVersion === user.securityVersion) return { user, tokens };
  await services.tokens.discard(tokens);
  throw new DomainError('invalid_credentials');
}

/** A password problem, reported for the contract's own field name. */
export async function inOwnField<T>(field: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDomainError(error, 'weak_password')
      ? new DomainError(error.code, { ...error.details, field })
      : error;
  }
}

/**
 * Changes the caller's own password.
 * @throws DomainError invalid_request with the reason `wrongCurrent` when the current one is wrong.
 */
export async function changeOwnPassword(
  services: ContractServices,
  caller: Caller | null,
  { current, next, wrongCurrent }: { current: string; next: string; wrongCurrent: string },
  { actor, signal }: { actor: Actor; signal: AbortSignal },
): Promise<void> {
  const { id } = await callingUser(services, caller);
  try {
    await services.accounts.changePassword(id, current, next, actor, signal);
  } catch (error) {
    throw isDomainError(error, 'invalid_credentials')
      ? new DomainError('invalid_request', { reason: wrongCurrent })
      : error;
  }
}
