import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Extension } from './override.ts';

const ROUTES = new Set(['token', 'device_authorization', 'backchannel_authentication']);

/** How the library says it, with `invalid_request`. */
const NOT_ALLOWED = /(^requested grant type|grant-type:\S+) is not allowed for this client$/;

interface Refusal {
  error?: string;
  error_description?: string;
}

/** A client that may not use a grant is told so in the word that is there for it (RFC 6749 section 5.2, CIBA Core section 13). */
function installUnauthorizedClient(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    await next();
    if (ctx.status !== 400 || !ROUTES.has(ctx.oidc?.route)) return;
    const body = ctx.body as Refusal;
    if (NOT_ALLOWED.test(body.error_description ?? '')) body.error = 'unauthorized_client';
  });
}

export const unauthorizedClient: Extension<unknown> = {
  name: 'unauthorized-client',
  why: 'the library says invalid_request to a client that may not use a grant',
  install: installUnauthorizedClient,
};
