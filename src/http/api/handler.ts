import type { Context } from 'koa';
import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { ApiTokens } from '../../oidc/tokens/api-tokens.ts';
import type { LimitClass } from '../endpoints/endpoint.ts';
import type { Guard } from '../endpoints/guard.ts';
import { readJson } from '../endpoints/json-body.ts';
import { sourceCaller } from '../endpoints/limiter.ts';
import { goneSignal, leaveUnread, refuseMethod, send, sendReply } from '../endpoints/reply.ts';
import type { Routing } from '../endpoints/routing.ts';
import { localeOf } from '../endpoints/text.ts';
import {
  accountActor,
  API_DOOR,
  authenticateAccount,
  authenticateOperator,
  insufficientScope,
} from './authenticate.ts';
import { checked, createAttempt, manage, requireScope } from './manage.ts';
import type { ApiOperation, ApiServices } from './operation.ts';
import { InvalidFields, Problem, PROBLEM_TYPE, problemOf } from './problems.ts';
import { versionsOf } from './versions.ts';

const EXPOSED =
  'ETag, Idempotency-Replayed, Location, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';

/**
 * Allows any origin: only the token authenticates, which browsers never add by themselves, and cookies are ignored.
 * @returns whether the request was a preflight, now answered.
 */
export function allowAnyOrigin(ctx: Context): boolean {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method !== 'OPTIONS' || ctx.get('Access-Control-Request-Method') === '') {
    ctx.set('Access-Control-Expose-Headers', EXPOSED);
    return false;
  }
  ctx.set({
    'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
    'Access-Control-Allow-Headers':
      'Authorization, Content-Type, DPoP, Accept-Language, If-Match, Idempotency-Key',
    'Access-Control-Max-Age': '7200',
  });
  ctx.status = 204;
  return true;
}

export interface HandlerDependencies extends Guard {
  services: ApiServices;
  tokens: ApiTokens;
  /** The issuer. */
  publicUrl: string;
  /** Prefix of every operation's path. */
  basePath: string;
}

/** Handles a request to the API: route, token, scope, fresh login, query, body, limit, operation, reply. */
export async function answer(
  ctx: Context,
  routing: Routing<ApiOperation>,
  deps: HandlerDependencies,
): Promise<void> {
  const { services, limiter, bodyLimit, basePath } = deps;
  const route = routing.find(ctx.method, ctx.path);
  if ('allow' in route) throw refuseMethod(ctx, route.allow);
  const { operation, params } = route;
  const request = async (actor: Actor) => {
    const query = operation.query && checked(operation.query, { ...ctx.query });
    const sent = operation.body && (await readJson(ctx.req, bodyLimit));
    const body = operation.body && checked(operation.body, sent);
    const cost = operation.caller === 'operator' ? operation.cost?.(body as never) : undefined;
    await limiter(ctx, API_DOOR, limitOf(operation, actor), counted(operation, actor), cost);
    return {
      query: query as never,
      body: body as never,
      sent,
      params,
      actor,
      locale: localeOf(ctx),
      get signal() {
        return goneSignal(ctx);
      },
      services,
    };
  };
  if (operation.caller === 'account') {
    const caller = await authenticateAccount(ctx, operation, deps);
    const call = await request(accountActor(ctx, caller));
    // Assign, don't spread: its signal is created when it is read.
    sendReply(ctx, operation, await operation.handle(Object.assign(call, caller)));
    return;
  }
  const { operator, scheme, stepUp } = await authenticateOperator(ctx, operation, deps);
  try {
    requireScope(operator, operation);
    const { sent, ...own } = await request(operator.actor);
    const call = Object.assign(own, { operator });
    const attempt = createAttempt({
      routing,
      basePath,
      call,
      stepUp,
      problemOf: (error) => refusalOf(error, ctx.get('X-Request-Id'), deps),
    });
    const whole = Object.assign(call, { expected: versionsOf(ctx.get('If-Match')), attempt });
    send(ctx, await manage(ctx, operation, whole, sent));
  } catch (error) {
    if (!isDomainError(error)) throw error;
    await services.noteRefused(error, operator, operation.id);
    throw error.code === 'insufficient_scope'
      ? insufficientScope(ctx, scheme, error.details.reason ?? '')
      : error;
  }
}

/** A service account acts for many people, so it has its own limit. */
const limitOf = ({ limit }: ApiOperation, { kind }: Actor): LimitClass =>
  limit === 'ordinary' && kind === 'client' ? 'program' : limit;

/** The key of the rate limit: guesses at secrets count by source, whoever calls. */
const counted = ({ limit }: ApiOperation, actor: Actor): string | null =>
  limit === 'credentials' ? sourceCaller(actor) : `${actor.kind} ${actor.id}`;

/** The problem document of an error. Logs unexpected ones. */
function refusalOf(
  error: unknown,
  requestId: string,
  { logger, isUnavailable }: Pick<Guard, 'logger' | 'isUnavailable'>,
): ReturnType<typeof problemOf> {
  const known =
    isDomainError(error) || error instanceof InvalidFields
      ? error
      : new DomainError(isUnavailable(error) ? 'unavailable' : 'server_error', {}, { cause: error });
  const problem = problemOf(known, requestId);
  if (problem.status === 500) logger.error({ err: error, requestId }, 'the API failed');
  return problem;
}

/** Sends an error as a problem document (RFC 9457). */
export function refuse(ctx: Context, error: unknown, deps: Pick<Guard, 'logger' | 'isUnavailable'>): void {
  const problem = refusalOf(error, ctx.get('X-Request-Id'), deps);
  const retryAfter = isDomainError(error) ? error.details.retryAfter : undefined;
  const wait = retryAfter ?? (problem.status === 503 ? 5 : undefined);
  if (wait !== undefined) ctx.set('Retry-After', String(wait));
  ctx.status = problem.status;
  ctx.set('Content-Type', PROBLEM_TYPE);
  ctx.body = JSON.stringify(Problem.parse(problem));
  leaveUnread(ctx);
}
