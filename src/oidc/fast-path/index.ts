import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { handler } from 'oidc-provider/lib/actions/grants/client_credentials.js';
import * as grants from 'oidc-provider/lib/helpers/grants.js';
import type { Config } from '../../config/index.ts';
import type { SharedClock } from '../../core/clock.ts';
import type { ClientRegistry } from '../clients/registry.ts';
import { ENDPOINTS } from '../endpoints.ts';
import { type Override, shape } from '../overrides/override.ts';
import { simpleLength, type SimpleRequest, simpleRequest } from './request.ts';

interface Dependencies {
  clients: Pick<ClientRegistry, 'recognize'>;
  clock: Pick<SharedClock, 'isAstray'>;
}

/** The steps that the library takes before a grant's handler, as far as a simple request needs them. */
type Library = Provider & {
  OIDCContext: new (ctx: object) => KoaContextWithOIDC['oidc'] & {
    entity(name: 'Client', value: object): void;
  };
};

/** As the library answers a token request that comes from no page of another origin (RFC 6749 section 5.1). */
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'Vary': 'Origin',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'DPoP-Nonce,WWW-Authenticate',
};

const METHODS = new Set<unknown>(['client_secret_basic', 'client_secret_post']);

/**
 * Answers client credentials requests without Koa: it reads the request and recognizes the client by itself; the grant is the
 * library's own handler. What it does not understand wholly, and every failure, goes to the library as it came.
 */
function createFastPath(provider: Library, { clients, clock }: Dependencies) {
  const helpers = Object.fromEntries(
    Object.entries(grants).map(([name, helper]) => [
      name,
      (...args: never[]) => (helper as (...all: unknown[]) => unknown)(provider, ...args),
    ]),
  );

  /** The token reply. Undefined for a client that needs more than a look at its secret. @throws what the grant throws. */
  async function reply(
    { clientId, secret, params }: SimpleRequest,
    req: IncomingMessage,
  ): Promise<string | undefined> {
    const client = clients.recognize(clientId, secret);
    if (!(client instanceof provider.Client) || !METHODS.has(client.clientAuthMethod)) return undefined;
    if (client['clientSecretExpiresAt'] || !client.grantTypeAllowed(params.grant_type)) return undefined;
    if (await clock.isAstray()) return undefined;
    const get = (name: string) => req.headers[name.toLowerCase()] ?? '';
    const ctx = {
      req,
      get,
      headers: req.headers,
      _matchedRouteName: 'token',
    } as unknown as KoaContextWithOIDC;
    const oidc = new provider.OIDCContext(ctx);
    Object.assign(ctx, { oidc });
    Object.assign(oidc, { params });
    oidc.entity('Client', client);
    await handler(provider, helpers, ctx);
    provider.emit('grant.success', ctx);
    return JSON.stringify(ctx.body);
  }

  /** @returns whether it has answered; if not, the request is as it was. */
  return async (req: IncomingMessage, res: ServerResponse, length: number): Promise<boolean> => {
    await new Promise((resolve) => req.once('readable', resolve));
    const body = req.read() as Buffer | null;
    if (!body) return false;
    // Put back at once: a request whose body has been read to its end cannot be handed on.
    req.unshift(body);
    if (body.length !== length) return false;
    const request = simpleRequest(req, body.toString());
    const answer = request && (await reply(request, req).catch(() => undefined));
    if (answer === undefined) return false;
    req.resume();
    res.writeHead(200, { ...HEADERS, 'Content-Length': Buffer.byteLength(answer) });
    res.end(answer);
    return true;
  };
}

const installed = new WeakMap<Provider, ReturnType<typeof createFastPath>>();

/** The provider's listener, with the fast path before it if the settings have it. */
export function listenerOf(provider: Provider): RequestListener {
  const library = provider.callback();
  const serve = installed.get(provider);
  if (!serve) return library;
  const go = async (req: IncomingMessage, res: ServerResponse, length: number): Promise<void> => {
    if (!(await serve(req, res, length).catch(() => false))) void library(req, res);
  };
  return (req, res) => {
    const length = simpleLength(req, ENDPOINTS.token);
    if (length === undefined) void library(req, res);
    else void go(req, res, length);
  };
}

export const fastPath: Override<Dependencies & { config: Pick<Config, 'http'> }> = {
  name: 'fast-path',
  why: 'the way through the middleware costs more than the token',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape('OIDCContext', 'OIDCContext.prototype.entity', 'Client.prototype.grantTypeAllowed')(provider);
    if (typeof handler !== 'function')
      throw new Error('the handler of client_credentials is not there any more');
  },
  install(provider, { config, ...dependencies }) {
    if (config.http.fastPath) installed.set(provider, createFastPath(provider as Library, dependencies));
  },
};
