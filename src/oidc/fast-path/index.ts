import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import instance from 'oidc-provider/lib/helpers/weak_cache.js';
import type { Config } from '../../config/index.ts';
import { ENDPOINTS } from '../endpoints.ts';
import { type Override, shape } from '../overrides/override.ts';
import { allSteps, type Answer, type AnswerDependencies, createAnswers, type Library } from './answers.ts';
import { bodyLength, bodyOf, FORM, isBearerGet, type PlainForm, plainForm } from './request.ts';

/** Takes a request that may be plain, by its head. @returns whether it was answered; undefined for any other request. */
export type Serve = (req: IncomingMessage, res: ServerResponse) => Promise<boolean> | undefined;

/** The library's headers for callers from no page of another origin; `exposed` as the library has it for each endpoint. */
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

/** Serves whatever takes a body of a content type. */
export const postOf =
  (type: RegExp, answer: Answer<[body: Buffer]>, headers: object): Serve =>
  (req, res) => {
    const length = bodyLength(req, type);
    if (length === undefined) return undefined;
    const serve = async () => {
      const body = await bodyOf(req, length);
      const reply = body && (await answer(req, res, body));
      if (!reply) return false;
      req.resume();
      send(res, headers, reply);
      return true;
    };
    return serve();
  };

const formOf = (answer: Answer<[form: PlainForm]>, headers: object): Serve =>
  postOf(
    FORM,
    async (req, res, body) => {
      const form = plainForm(req, body.toString());
      return form && answer(req, res, form);
    },
    headers,
  );

/** Serves an endpoint that takes a bearer token. */
const getOf =
  (answer: Answer, headers: object): Serve =>
  (req, res) =>
    isBearerGet(req)
      ? answer(req, res).then((reply) => {
          if (reply) send(res, headers, reply);
          return reply !== undefined;
        })
      : undefined;

const installed = new WeakMap<Provider, Map<string | undefined, Serve>>();

/**
 * The provider's listener, with the fast path before it if the settings enable it. Requests that the fast path does not fully
 * understand, and all failures, go to the library unchanged.
 */
export function listenerOf(provider: Provider): RequestListener {
  const library = provider.callback();
  const endpoints = installed.get(provider);
  if (!endpoints) return library;
  return before((req) => endpoints.get(req.url), library);
}

/** A listener that serves a request with what `find` returns for it, and everything unanswered with another. */
export function before(
  find: (req: IncomingMessage) => Serve | undefined,
  listener: RequestListener,
): RequestListener {
  return (req, res) => {
    const served = find(req)?.(req, res);
    const hand = () => listener(req, res);
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
    allSteps();
    if (!(instance(provider)?.grantTypeHandlers instanceof Map))
      throw new Error('the map of grant types is not there any more');
  },
  install(provider, { config, ...dependencies }) {
    if (!config.http.fastPath) return;
    const { token, introspection, userinfo } = createAnswers(provider as Library, dependencies);
    installed.set(
      provider,
      new Map<string | undefined, Serve>([
        [ENDPOINTS.token, formOf(token, WITH_DPOP)],
        [ENDPOINTS.introspection, formOf(introspection, WITHOUT_DPOP)],
        [ENDPOINTS.userinfo, getOf(userinfo, WITH_DPOP)],
      ]),
    );
  },
};
