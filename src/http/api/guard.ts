import type { Context } from 'koa';
import type { z } from 'zod';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ApiTokens } from '../../oidc/tokens/api-tokens.ts';
import { userActor } from '../actor.ts';
import type { Actor } from '../../core/actor.ts';
import { requirePermission } from '../../domain/operators/operator.ts';
import type { EndpointReply, PasswordLengths } from '../endpoints/endpoint.ts';
import { readJson } from '../endpoints/json-body.ts';
import { type Limiter, sourceCaller } from '../endpoints/limiter.ts';
import { localeOf } from '../endpoints/text.ts';
import { goneSignal, leaveUnread, refuseMethod, sendReply } from '../endpoints/reply.ts';
import type { Routing } from '../endpoints/routing.ts';
import { API_DOOR, authenticateAccount, authenticateOperator, insufficientScope } from './authenticate.ts';
import type { ApiOperation, ApiServices, OperatorCall, OperatorOperation } from './operation.ts';
import { InvalidFields, PreconditionFailed, Problem, PROBLEM_TYPE, problemOf } from './problems.ts';
import { ifMatch } from './versions.ts';

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
  const request = async (actor: Actor) => {
    const query = operation.query && checked(operation.query, { ...ctx.query });
    const body = operation.body && checked(operation.body, await readJson(ctx.req, bodyLimit));
    // Secrets are guessed from somewhere, whoever calls.
    const counted = operation.limit === 'credentials' ? sourceCaller(actor) : `${actor.kind} ${actor.id}`;
    await limiter(ctx, API_DOOR, operation.limit, counted);
    return {
      query: query as never,
      body: body as never,
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
    const call = await request(userActor(ctx, API_DOOR, caller.user.id));
    // Its signal is made when it is asked for.
    sendReply(ctx, operation, await operation.handle(Object.assign(call, caller)));
    return;
  }
  const { operator, scheme } = await authenticateOperator(ctx, operation, deps);
  try {
    if (operation.scope !== null) requirePermission(operator, operation.scope);
    const call = Object.assign(await request(operator.actor), { operator, expected: ifMatch(ctx) });
    sendReply(ctx, operation, await manage(operation, call));
  } catch (error) {
    if (!isDomainError(error)) throw error;
    await services.noteRefused(error, operator, operation.id);
    throw error.code === 'insufficient_scope'
      ? insufficientScope(ctx, scheme, error.details.reason ?? '')
      : error;
  }
}

/** @throws PreconditionFailed with the resource as it is now, where the operation can show it. */
async function manage(
  operation: OperatorOperation,
  call: OperatorCall<never, never>,
): Promise<EndpointReply> {
  try {
    return await operation.handle(call);
  } catch (error) {
    if (!isDomainError(error, 'precondition_failed') || !operation.current) throw error;
    throw new PreconditionFailed(await operation.current(call));
  }
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
