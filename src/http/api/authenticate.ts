import type { Context } from 'koa';
import { type Acr, FRESH } from '../../domain/mfa/index.ts';
import type { User } from '../../domain/users/index.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { AccessTokenClaims } from '../../oidc/tokens/access-token-verifier.ts';
import type { ApiTokens } from '../../oidc/tokens/api-tokens.ts';
import { badToken, insufficientLogin, insufficientScope, missingToken, type Scheme } from './challenges.ts';
import type { ApiOperation } from './operation.ts';
import type { ApiServices } from './services.ts';

export interface Caller {
  user: User;
  claims: AccessTokenClaims;
}

interface Dependencies {
  tokens: ApiTokens;
  services: Pick<ApiServices, 'accounts' | 'mfa'>;
  /** The issuer. */
  publicUrl: string;
}

const TWO_FACTORS: Acr = 'urn:postern:acr:2fa';
const CREDENTIALS = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i;

/** The token of an Authorization header, the only place where one is looked for (RFC 6750 section 2.1). */
function presented(ctx: Context): { scheme: Scheme; token: string } | null {
  const [, scheme = '', token] = CREDENTIALS.exec(ctx.get('Authorization')) ?? [];
  if (token === undefined) return null;
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}

/**
 * Finds out whose account a request is about, and whether its token allows the operation. What it lacks is said in
 * WWW-Authenticate.
 * @throws DomainError invalid_token, invalid_dpop_proof, insufficient_scope, insufficient_user_authentication.
 */
export async function authenticate(
  ctx: Context,
  { scope, fresh }: Pick<ApiOperation, 'scope' | 'fresh'>,
  { tokens, services, publicUrl }: Dependencies,
): Promise<Caller> {
  const credentials = presented(ctx);
  if (!credentials) throw missingToken(ctx, tokens.audience);
  const { scheme } = credentials;
  try {
    const claims = await tokens.verify({
      ...credentials,
      proof: ctx.get('DPoP') || undefined,
      method: ctx.method,
      url: `${publicUrl}${ctx.path}`,
    });
    const accountId = await tokens.accountOf(claims);
    const user = accountId === null ? null : await services.accounts.find(accountId);
    // A service account's own token is about nobody.
    if (user?.status !== 'active') throw new DomainError('invalid_token');
    if (!claims.scope?.split(' ').includes(scope)) throw insufficientScope(ctx, scheme, scope);
    if (await services.mfa.lacksRequired(user))
      throw insufficientLogin(ctx, scheme, { maxAge: FRESH, acr: TWO_FACTORS });
    // Whoever acts for the person (RFC 8693 section 4.1) has not logged in as them.
    const isOwn = claims['act'] === undefined;
    const login = {
      authTime: isOwn ? numberOf(claims['auth_time']) : undefined,
      acr: textOf(claims['acr']),
    };
    const lacking = fresh ? await services.mfa.lacking(user.id, login) : null;
    if (lacking) throw insufficientLogin(ctx, scheme, lacking);
    return { user, claims };
  } catch (error) {
    const isBad = isDomainError(error, 'invalid_token') || isDomainError(error, 'invalid_dpop_proof');
    if (isBad) badToken(ctx, scheme, error.code === 'invalid_token' ? error.code : 'invalid_dpop_proof');
    throw error;
  }
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
