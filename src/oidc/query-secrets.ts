import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Extension } from './overrides/override.ts';

/** Parameters that are credentials. */
export const SECRET = [
  'client_secret',
  'client_assertion',
  'assertion',
  'token',
  'subject_token',
  'actor_token',
  'refresh_token',
  'code',
  'code_verifier',
  'password',
];

/**
 * A secret in a query stands in logs and histories from then on, so whoever sends one is told, even where the library would
 * only not look at it (RFC 6749 section 2.3.1, RFC 9700 section 4.3.2). Not at endpoints that browsers are sent to with
 * GET: an authorization reply has its code in the query.
 */
function installQueryRefusal(provider: Provider): void {
  provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    if (ctx.method !== 'POST' || ctx.querystring === '') return next();
    const found = SECRET.find((name) => ctx.query[name] !== undefined);
    if (found === undefined) return next();
    ctx.status = 400;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { error: 'invalid_request', error_description: `${found} must not be in the query` };
    return undefined;
  });
}

export const queryRefusal: Extension<unknown> = {
  name: 'query-secrets',
  why: 'the library does not look at secrets in a query',
  install: installQueryRefusal,
};
