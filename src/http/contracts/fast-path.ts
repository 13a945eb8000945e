import { fail } from 'node:assert';
import type { IncomingMessage, RequestListener } from 'node:http';
import { before, postOf, type Serve } from '../../oidc/fast-path/index.ts';
import { parseJson } from '../endpoints/json-body.ts';
import { checkReply } from '../endpoints/reply.ts';
import { Routing } from '../endpoints/routing.ts';
import { type Route, setRoute } from '../routes.ts';
import type { Call, Contract, Operation } from './contract.ts';
import type { HandlerDependencies } from './handler.ts';
import { contractRoute, type Mount } from './mounts.ts';

const JSON_BODY = /^application\/json(?:; ?charset=utf-8)?$/i;

/** The headers that the guard and Koa send. */
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** It changes nothing, so that it may be run twice. It authenticates and counts nobody. */
const CHECK = { method: 'post', auth: 'none', limit: 'unlimited', effect: 'none' } as const;
const isCheck = (operation: Operation): boolean =>
  Object.entries(CHECK).every(([name, value]) => operation[name as keyof typeof CHECK] === value) &&
  !operation.path.includes('{');

const ofKoa = { get: () => fail('Koa has to answer') };
/** The parts of a call that need Koa. An operation that reads one runs again behind Koa. */
const WITHOUT_KOA = Object.defineProperties({}, { actor: ofKoa, signal: ofKoa, ctx: ofKoa });

type Dependencies = Pick<HandlerDependencies, 'services' | 'noteUse' | 'bodyLimit'> & {
  mounts: readonly Mount[];
  isOpen(contract: string): boolean;
};

/** Serves a token check of a contract by the same functions as the guard. Leaves everything but a success to the guard. */
const serving = ({ name }: Contract, operation: Operation, route: Route, deps: Dependencies): Serve =>
  postOf(
    JSON_BODY,
    async (req, _res, bytes) => {
      if (!deps.isOpen(name) || bytes.length > deps.bodyLimit) return undefined;
      const parsed = operation.body?.safeParse(parseJson(bytes));
      if (!parsed?.success) return undefined;
      const { services } = deps;
      const call = { __proto__: WITHOUT_KOA, body: parsed.data, params: {}, caller: null, services };
      const answer = await operation.handle(call as unknown as Call<never>);
      const { status, body } = checkReply(operation, answer);
      if (answer.headers || status !== 200 || !body) return undefined;
      const { 'user-agent': userAgent = null, 'x-forwarded-for': ip } = req.headers;
      const accountId = answer.accountId ?? null;
      deps.noteUse({ door: name, operation: operation.id, accountId, userAgent, ip: ip?.toString() || null });
      setRoute(req, route);
      return body;
    },
    HEADERS,
  );

/**
 * The fast path of the contracts' token checks, in front of `app`: docs/decisions/fast-path.md. Koa answers for a contract's
 * own host, and where two contracts at the root have the same path.
 */
export function contractsBefore(app: RequestListener, deps: Dependencies): RequestListener {
  const places = deps.mounts.filter(({ host }) => host === null);
  const routings = places.map(({ contract, prefix }) => ({ prefix, routing: new Routing(contract) }));
  const checks = places.flatMap(({ contract, prefix }) =>
    contract.operations.filter(isCheck).map((operation) => {
      const path = `${contract.basePath}${operation.path}`;
      const others = routings.filter((one) => one.prefix === prefix && one.routing.has(path));
      const serve = serving(contract, operation, contractRoute(contract.name, prefix), deps);
      return [others.length === 1 ? `${prefix}${path}` : '', serve] as const;
    }),
  );
  const byUrl = new Map<string | undefined, Serve>(checks);
  const isAtHost = ({ headers }: IncomingMessage) => headers['x-forwarded-host'] !== undefined;
  return before((req) => (isAtHost(req) ? undefined : byUrl.get(req.url)), app);
}
