import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { ProviderPages } from './configuration.ts';
import { ENDPOINTS } from './endpoints.ts';
import type { Extension } from './overrides/override.ts';

/** Endpoints that browsers are sent to, by POST as well (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 1.0 section 2). */
const PATHS = new Set<string>([ENDPOINTS.authorization, ENDPOINTS.end_session]);

/** Maximum bytes of a request: it may contain a request object. */
const MAX_BODY_BYTES = 56 * 1024;

/** Length of a query that every proxy accepts. */
const MAX_QUERY_LENGTH = 6_000;

/** The body of a form. @throws InvalidRequest (RFC 6749 section 5.2) */
async function readForm(ctx: KoaContextWithOIDC): Promise<URLSearchParams> {
  if (ctx.is('urlencoded') !== 'urlencoded')
    throw new errors.InvalidRequest('only application/x-www-form-urlencoded bodies are supported');
  let body = '';
  // Leave the rest of the stream unread: the reply can still be sent.
  for await (const chunk of ctx.req.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    body += String(chunk);
    if (body.length <= MAX_BODY_BYTES) continue;
    ctx.set('Connection', 'close');
    throw new errors.InvalidRequest('the request is too long');
  }
  const parameters = new URLSearchParams(body);
  for (const name of SECRET) parameters.delete(name);
  return parameters;
}

/**
 * A request that another site posts comes without the session cookies, which are SameSite=Lax: the browser sends it again by
 * GET, with them. A longer one is posted again from a page of ours.
 */
function installPostedRequests(provider: Provider, page: ProviderPages['repost']): void {
  const receive = async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<unknown> => {
    let parameters: URLSearchParams;
    try {
      parameters = await readForm(ctx);
    } catch (error) {
      if (!(error instanceof errors.InvalidRequest)) throw error;
      ctx.status = 400;
      ctx.body = { error: error.error, error_description: error.error_description };
      return undefined;
    }
    const query = parameters.toString();
    ctx.set('Cache-Control', 'no-store');
    if (query.length <= MAX_QUERY_LENGTH) {
      ctx.status = 303;
      ctx.redirect(`${ctx.path}?${query}`);
      return undefined;
    }
    const site = ctx.get('Sec-Fetch-Site');
    if (site === 'cross-site' || site === 'same-site')
      return page(ctx, { action: ctx.path, fields: [...parameters] });
    ctx.method = 'GET';
    ctx.querystring = query;
    return next();
  };
  provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) =>
    ctx.method === 'POST' && PATHS.has(ctx.path) ? receive(ctx, next) : next(),
  );
}

export const postedRequests: Extension<{ pages: Pick<ProviderPages, 'repost'> }> = {
  name: 'posted-requests',
  why: 'a request that another site posts comes without the cookies of the session',
  install: (provider, { pages }) => installPostedRequests(provider, pages.repost),
};

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
 * Refuses secrets in a query, which end up in logs and histories, even where the library would only ignore them (RFC 6749
 * section 2.3.1, RFC 9700 section 4.3.2). Not at endpoints that browsers are sent to with GET: an authorization response has its
 * code in the query.
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
  why: 'the library does not refuse secrets in the query',
  install: installQueryRefusal,
};
