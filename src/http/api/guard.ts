import type { Context } from 'koa';
import type { z } from 'zod';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ApiTokens } from '../../oidc/tokens/api-tokens.ts';
import { userActor } from '../actor.ts';
import type { PasswordLengths } from '../endpoints/endpoint.ts';
import { readJson } from '../endpoints/json-body.ts';
import { type Limiter, sourceCaller } from '../endpoints/limiter.ts';
import { localeOf } from '../endpoints/text.ts';
import { goneSignal, leaveUnread, refuseMethod, sendReply } from '../endpoints/reply.ts';
import type { Routing } from '../endpoints/routing.ts';
import { authenticate } from './authenticate.ts';
import type { ApiOperation, ApiServices } from './operation.ts';
import { InvalidFields, Problem, PROBLEM_TYPE, problemOf } from './problems.ts';

export interface GuardDependencies {
  services: ApiServices;
  tokens: ApiTokens;
  /** The issuer. */
  publicUrl: string;
  limiter: Limiter;
  logger: Logger;
  /** Whether an error is the outage of a store. */
  isUnavailable(error: unknown): boolean;
  passwords: PasswordLengths;
  /** The largest body, in bytes. */
  bodyLimit: number;
}

const DOOR = 'api';

/** The way of a request through the API: route, token, scope, fresh login, query, body, limit, operation, reply. */
export async function answer(
  ctx: Context,
  routing: Routing<ApiOperation>,
  deps: GuardDependencies,
): Promise<void> {
  const { services, limiter, bodyLimit } = deps;
  const route = routing.find(ctx.method, ctx.path);
  if ('allow' in route) throw refuseMethod(ctx, route.allow);
  const { operation, params } = route;
  const caller = await authenticate(ctx, operation, deps);
  const query = operation.query && checked(operation.query, { ...ctx.query });
  const body = operation.body && checked(operation.body, await readJson(ctx.req, bodyLimit));
  const { user } = caller;
  const actor = userActor(ctx, DOOR, user.id);
  // Secrets are guessed from somewhere, whoever calls.
  const counted = operation.limit === 'credentials' ? sourceCaller(actor) : `user ${user.id}`;
  await limiter(ctx, DOOR, operation.limit, counted);
  const reply = await operation.handle({
    ...caller,
    query: query as never,
    body: body as never,
    params,
    actor,
    locale: localeOf(ctx),
    get signal() {
      return goneSignal(ctx);
    },
    services,
  });
  sendReply(ctx, operation, reply);
}

function checked(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InvalidFields(parsed.error);
  return parsed.data;
}

/** Answers what went wrong as a problem (RFC 9457). */
export function refuse(
  ctx: Context,
  error: unknown,
  { logger, isUnavailable }: Pick<GuardDependencies, 'logger' | 'isUnavailable'>,
): void {
  const requestId = ctx.get('X-Request-Id');
  const known =
    isDomainError(error) || error instanceof InvalidFields
      ? error
      : new DomainError(isUnavailable(error) ? 'unavailable' : 'server_error', {}, { cause: error });
  const problem = problemOf(known, requestId);
  if (problem.status === 500) logger.error({ err: error, requestId }, 'the API failed');
  const retryAfter = isDomainError(known) ? known.details.retryAfter : undefined;
  const wait = retryAfter ?? (problem.status === 503 ? 5 : undefined);
  if (wait !== undefined) ctx.set('Retry-After', String(wait));
  ctx.status = problem.status;
  ctx.set('Content-Type', PROBLEM_TYPE);
  ctx.body = JSON.stringify(Problem.parse(problem));
  leaveUnread(ctx);
}
