import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import instance from 'oidc-provider/lib/helpers/weak_cache.js';
import type { Config } from '../../config/index.ts';
import { ENDPOINTS } from '../endpoints.ts';
import { type Override, shape } from '../overrides/override.ts';
import {
  type Answer,
  type AnswerDependencies,
  checkSteps,
  createAnswers,
  type FormAnswer,
  type Library,
} from './answers.ts';
import { formLength, isBearerGet, plainForm } from './request.ts';

/** Takes a request that may be plain, by its head. @returns whether it has answered; undefined for any other request. */
type Serve = (req: IncomingMessage, res: ServerResponse) => Promise<boolean> | undefined;

/** As the library answers whoever comes from no page of another origin; `exposed` as it says at each endpoint. */
const headersOf = (exposed: string) => ({
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'Vary': 'Origin',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': exposed,
});
const WITH_DPOP = headersOf('DPoP-Nonce,WWW-Authenticate');
const WITHOUT_DPOP = headersOf('WWW-Authenticate');

function send(res: ServerResponse, headers: object, body: object): void {
  const json = JSON.stringify(body);
  res.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(json) });
  res.end(json);
}

/** Serves an endpoint that takes forms. */
const postOf =
  (answer: FormAnswer, headers: object): Serve =>
  (req, res) => {
    const length = formLength(req);
    if (length === undefined) return undefined;
    const serve = async () => {
      await new Promise((resolve) => req.once('readable', resolve));
      const body = req.read() as Buffer | null;
      if (!body) return false;
      // Put back at once: a request whose body has been read to its end cannot be handed on.
      req.unshift(body);
      if (body.length !== length) return false;
      const form = plainForm(req, body.toString());
      const reply = form && (await answer(req, res, form));
      if (!reply) return false;
      req.resume();
      send(res, headers, reply);
      return true;
    };
    return serve();
  };

/** Serves an endpoint that a bearer token opens. */
const getOf =
  (answer: Answer, headers: object): Serve =>
  (req, res) => {
    if (!isBearerGet(req)) return undefined;
    return answer(req, res).then((reply) => {
      if (reply) send(res, headers, reply);
      return reply !== undefined;
    });
  };

const installed = new WeakMap<Provider, Map<string | undefined, Serve>>();

/**
 * The provider's listener, with the fast path before it if the settings have it. What that does not understand wholly, and
 * every failure, goes to the library as it came.
 */
export function listenerOf(provider: Provider): RequestListener {
  const library = provider.callback();
  const endpoints = installed.get(provider);
  if (!endpoints) return library;
  return (req, res) => {
    const served = endpoints.get(req.url)?.(req, res);
    const hand = () => void library(req, res);
    if (served) void served.then((isAnswered) => void (isAnswered || hand()), hand);
    else hand();
  };
}

export const fastPath: Override<AnswerDependencies & { config: Pick<Config, 'http'> }> = {
  name: 'fast-path',
  why: 'the way through the middleware costs more than the token',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape(
      'createContext',
      'OIDCContext',
      'OIDCContext.prototype.entity',
      'Client.prototype.grantTypeAllowed',
    )(provider);
    checkSteps();
    if (!(instance(provider)?.grantTypeHandlers instanceof Map))
      throw new Error('the map of grant types is not there any more');
  },
  install(provider, { config, ...dependencies }) {
    if (!config.http.fastPath) return;
    const { token, introspection, userinfo } = createAnswers(provider as Library, dependencies);
    installed.set(
      provider,
      new Map<string | undefined, Serve>([
        [ENDPOINTS.token, postOf(token, WITH_DPOP)],
        [ENDPOINTS.introspection, postOf(introspection, WITHOUT_DPOP)],
        [ENDPOINTS.userinfo, getOf(userinfo, WITH_DPOP)],
      ]),
    );
  },
};
