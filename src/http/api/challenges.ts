import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import { DPOP_ALGS } from '../../oidc/tokens/api-tokens.ts';

/** The scheme that an answer speaks of: the one that the client used. */
export type Scheme = 'Bearer' | 'DPoP';

/** A value of an authentication parameter (RFC 9110 section 11.2): none of ours has a quote in it. */
const parameters = (values: Record<string, string | number>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ');

const challenge = (ctx: Context, scheme: Scheme, values: Record<string, string | number>): void => {
  const algs = scheme === 'DPoP' ? { algs: DPOP_ALGS.join(' ') } : {};
  ctx.set('WWW-Authenticate', `${scheme} ${parameters({ ...values, ...algs })}`);
};

/** A request without a token: how to come with one, and no error (RFC 6750 section 3.1). @returns what to throw. */
export function missingToken(ctx: Context, realm: string): DomainError {
  ctx.set(
    'WWW-Authenticate',
    `Bearer ${parameters({ realm })}, DPoP ${parameters({ realm, algs: DPOP_ALGS.join(' ') })}`,
  );
  return new DomainError('invalid_token', { reason: 'missing' });
}

/** A token or a proof that is no good (RFC 6750 section 3.1, RFC 9449 section 7.1). */
export const badToken = (ctx: Context, scheme: Scheme, error: 'invalid_token' | 'invalid_dpop_proof'): void =>
  challenge(ctx, scheme, { error });

/** A token that is not for this (RFC 6750 section 3.1). @returns what to throw. */
export function insufficientScope(ctx: Context, scheme: Scheme, scope: string): DomainError {
  challenge(ctx, scheme, { error: 'insufficient_scope', scope });
  return new DomainError('insufficient_scope', { reason: scope });
}

/** A token of a login that is too old or too weak (RFC 9470 section 3). @returns what to throw. */
export function insufficientLogin(
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
