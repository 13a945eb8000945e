import type { Context } from 'koa';
import type { ActClaim, Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { type ApiTokens, DPOP_ALGS } from '../../oidc/tokens/api-tokens.ts';
import { type Acr, FRESH } from '../../domain/mfa/index.ts';
import type { Operator } from '../../domain/operators/operator.ts';
import { isPermission, withIncluded } from '../../domain/operators/permissions.ts';
import type { User } from '../../domain/users/index.ts';
import type { AccessTokenClaims } from '../../oidc/tokens/access-token-verifier.ts';
import type { MeScope } from '../../oidc/tokens/me-scopes.ts';
import { clientActor, userActor } from '../actor.ts';
import type { AccountOperation, ApiServices, OperatorOperation } from './operation.ts';

/** The scheme of an answer: the one that the client used. */
export type Scheme = 'Bearer' | 'DPoP';

/** Authentication parameters (RFC 9110 section 11.2). None of our values contains a quote. */
const parameters = (values: Record<string, string | number>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ');

const challenge = (ctx: Context, scheme: Scheme, values: Record<string, string | number>): void => {
  const algs = scheme === 'DPoP' ? { algs: DPOP_ALGS.join(' ') } : {};
  ctx.set('WWW-Authenticate', `${scheme} ${parameters({ ...values, ...algs })}`);
};

/** The challenge for a request without a token, without an error (RFC 6750 section 3.1). @returns what to throw. */
function missingToken(ctx: Context, realm: string): DomainError {
  ctx.set(
    'WWW-Authenticate',
    `Bearer ${parameters({ realm })}, DPoP ${parameters({ realm, algs: DPOP_ALGS.join(' ') })}`,
  );
  return new DomainError('invalid_token', { reason: 'missing' });
}

/** The error for an invalid token or proof (RFC 6750 section 3.1, RFC 9449 section 7.1). */
const badToken = (ctx: Context, scheme: Scheme, error: 'invalid_token' | 'invalid_dpop_proof'): void =>
  challenge(ctx, scheme, { error });

/** The challenge for a token with insufficient scope (RFC 6750 section 3.1). @returns what to throw. */
export function insufficientScope(ctx: Context, scheme: Scheme, scope: string): DomainError {
  challenge(ctx, scheme, { error: 'insufficient_scope', ...(scope === '' ? {} : { scope }) });
  return new DomainError('insufficient_scope', { reason: scope });
}

/** The challenge for a token whose login is too old or too weak (RFC 9470 section 3). @returns what to throw. */
function insufficientLogin(
  ctx: Context,
  scheme: Scheme,
  { maxAge, acr }: { maxAge: number; acr: string | null },
): DomainError {
  challenge(ctx, scheme, {
    error: 'insufficient_user_authentication',
    max_age: maxAge,
    ...(acr === null ? {} : { acr_values: acr }),
  });
  return new DomainError('insufficient_user_authentication', {
    reason: acr === null ? 'max_age' : 'acr_values',
  });
}

export const API_DOOR = 'api';

interface Dependencies {
  tokens: ApiTokens;
  services: Pick<ApiServices, 'accounts' | 'mfa' | 'rights'>;
  /** The issuer. */
  publicUrl: string;
}

/** A token that the API accepts, and how it was presented. */
interface Presented {
  scheme: Scheme;
  claims: AccessTokenClaims;
  scopes: string[];
}

/** Operations allowed while an operator views as a person: read-only, no credentials, no exports. */
const SHOWN_IN_VIEWS: ReadonlySet<MeScope> = new Set<MeScope>([
  'me:profile:read',
  'me:sessions:read',
  'me:apps:read',
  'me:events:read',
]);

const TWO_FACTORS: Acr = 'urn:postern:acr:2fa';
const CREDENTIALS = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i;

/** The token of the Authorization header, the only place that is read (RFC 6750 section 2.1). */
function credentialsOf(ctx: Context): { scheme: Scheme; token: string } | null {
  const [, scheme = '', token] = CREDENTIALS.exec(ctx.get('Authorization')) ?? [];
  if (token === undefined) return null;
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}

/**
 * Verifies the token of a request and resolves its caller with `check`. Reports missing scopes in WWW-Authenticate.
 * @throws DomainError invalid_token, invalid_dpop_proof; errors of `check`.
 */
async function presented<T>(
  ctx: Context,
  { tokens, publicUrl }: Dependencies,
  check: (token: Presented) => Promise<T>,
): Promise<T> {
  const credentials = credentialsOf(ctx);
  if (!credentials) throw missingToken(ctx, tokens.audience);
  const { scheme } = credentials;
  try {
    const claims = await tokens.verify({
      ...credentials,
      proof: ctx.get('DPoP') || undefined,
      method: ctx.method,
      url: `${publicUrl}${ctx.path}`,
    });
    return await check({ scheme, claims, scopes: claims.scope?.split(' ') ?? [] });
  } catch (error) {
    const isBad = isDomainError(error, 'invalid_token') || isDomainError(error, 'invalid_dpop_proof');
    if (isBad) badToken(ctx, scheme, error.code === 'invalid_token' ? error.code : 'invalid_dpop_proof');
    throw error;
  }
}

/** The active account behind a token. @throws DomainError invalid_token when there is none. */
async function accountOf({ claims }: Presented, { tokens, services }: Dependencies): Promise<User> {
  const accountId = await tokens.accountOf(claims);
  const user = accountId === null ? null : await services.accounts.find(accountId);
  // A service account's own token has no account.
  if (user?.status !== 'active') throw new DomainError('invalid_token');
  return user;
}

/** @throws DomainError insufficient_user_authentication when the account or the login is not strong or fresh enough. */
async function checkLogin(
  ctx: Context,
  user: User,
  fresh: boolean,
  { scheme, claims }: Presented,
  { services }: Dependencies,
): Promise<void> {
  if (await services.mfa.lacksRequired(user))
    throw insufficientLogin(ctx, scheme, { maxAge: FRESH, acr: TWO_FACTORS });
  // An actor (RFC 8693 section 4.1) has not logged in as the person.
  const isOwn = claims['act'] === undefined;
  const login = {
    authTime: isOwn ? numberOf(claims['auth_time']) : undefined,
    acr: textOf(claims['acr']),
  };
  const lacking = fresh ? await services.mfa.lacking(user.id, login) : null;
  if (lacking) throw insufficientLogin(ctx, scheme, lacking);
}

/**
 * Determines whose account a request is about, and whether its token allows the operation.
 * @throws DomainError invalid_token, invalid_dpop_proof, insufficient_scope, insufficient_user_authentication.
 */
export const authenticateAccount = (
  ctx: Context,
  { scope, fresh }: Pick<AccountOperation, 'scope' | 'fresh'>,
  deps: Dependencies,
): Promise<{ user: User; claims: AccessTokenClaims }> =>
  presented(ctx, deps, async (token) => {
    const user = await accountOf(token, deps);
    // Check every token: this rejects ended views.
    if ((await deps.tokens.isView(token.claims)) && !SHOWN_IN_VIEWS.has(scope))
      throw new DomainError('forbidden', { reason: 'viewing' });
    if (!token.scopes.includes(scope)) throw insufficientScope(ctx, token.scheme, scope);
    await checkLogin(ctx, user, fresh, token, deps);
    return { user, claims: token.claims };
  });

/** The account as the actor, and who acts for it, if anybody (RFC 8693 section 4.1). */
export function accountActor(
  ctx: Context,
  { user, claims }: { user: User; claims: AccessTokenClaims },
): Actor {
  const act = claims['act'] as ActClaim | undefined;
  return { ...userActor(ctx, API_DOOR, user.id), ...(act === undefined ? {} : { act }) };
}

/**
 * Resolves the operator: a person, or a service account with its own token. The permissions are those of the token that the
 * current roles still allow; a caller without any is refused. `stepUp` checks again whether a login is fresh.
 * @throws DomainError as `authenticateAccount`.
 */
export const authenticateOperator = (
  ctx: Context,
  { fresh }: Pick<OperatorOperation, 'fresh'>,
  deps: Dependencies,
): Promise<{ operator: Operator; scheme: Scheme; stepUp: () => Promise<void> }> =>
  presented(ctx, deps, async (token) => {
    const { claims, scopes, scheme } = token;
    const isService = claims.gid === undefined && claims.sub === claims.client_id;
    const user = isService ? null : await accountOf(token, deps);
    if (user && (await deps.tokens.isView(claims))) throw new DomainError('forbidden', { reason: 'viewing' });
    const { rights } = deps.services;
    const held = user ? await rights.ofAccount(user.id) : await rights.ofClient(claims.client_id);
    const permissions = withIncluded(scopes.filter(isPermission)).intersection(held);
    if (permissions.size === 0) throw insufficientScope(ctx, scheme, [...held].join(' '));
    if (user) await checkLogin(ctx, user, fresh, token, deps);
    const actor = user
      ? { ...accountActor(ctx, { user, claims }), isOperator: true }
      : clientActor(ctx, API_DOOR, claims.client_id);
    return {
      scheme,
      operator: { actor, accountId: user?.id ?? null, permissions },
      stepUp: async () => (user ? checkLogin(ctx, user, true, token, deps) : undefined),
    };
  });

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
