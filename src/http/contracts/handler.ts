import type { Context } from 'koa';
import type { z } from 'zod';
import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { ContractUse } from '../../domain/contract-usage.ts';
import { anonymousActor } from '../actor.ts';
import type { LimitClass } from '../endpoints/endpoint.ts';
import type { Guard } from '../endpoints/guard.ts';
import { authenticate } from './authenticate.ts';
import type { Caller, Contract, ContractServices } from './contract.ts';
import { docsPaths, serveDocs } from '../endpoints/docs.ts';
import { documentOf } from './document.ts';
import { readJson } from '../endpoints/json-body.ts';
import { sourceCaller } from '../endpoints/limiter.ts';
import { Routing } from '../endpoints/routing.ts';
import { goneSignal, leaveUnread, refuseMethod, sendReply } from '../endpoints/reply.ts';
import { wordsOf } from '../endpoints/statuses.ts';

export interface HandlerDependencies extends Guard {
  services: ContractServices;
  /**
   * Records one request to an existing operation, for `postern contract usage`. Includes refused ones: a refused client still
   * calls.
   */
  noteUse(use: ContractUse): void;
}

/**
 * Answers every request to one contract.
 * @param mount the prefix of its own paths.
 * @param path its own path, without the mount.
 */
export type ContractHandler = (ctx: Context, mount: string, path: string) => Promise<void>;

/**
 * Handles a request to a contract: route, authentication, body, limit, operation, reply. Any error is answered in the
 * contract's own words, and nothing leaves that is not in the contract's schema.
 */
export function createContractHandler(contract: Contract, deps: HandlerDependencies): ContractHandler {
  const { services, limiter } = deps;
  const routing = new Routing(contract);
  const docs = docsPaths(contract);
  const document = documentOf(contract, deps.passwords);
  // RFC 9110 section 11.6.1: every 401 names a challenge.
  const challenge = contract.operations.some(({ auth }) => auth.startsWith('bearer')) ? 'Bearer' : 'ApiKey';

  async function answer(ctx: Context, path: string): Promise<void> {
    const route = routing.find(ctx.method, path);
    if ('allow' in route) throw refuseMethod(ctx, route.allow);
    const { operation, params } = route;
    const anonymous = anonymousActor(ctx, `contract:${contract.name}`);
    let accountId: string | null = null;
    let program: string | null = null;
    try {
      const caller = await authenticate(ctx, contract, operation, services);
      accountId = caller?.accountId ?? null;
      if (caller?.kind === 'apiKey') program = `${caller.key.name} (${caller.key.prefix})`;
      const body = operation.body && (await checkedBody(ctx, operation.body, deps.bodyLimit));
      const actor = actorOf(caller, anonymous);
      // Don't count an unreadable request: it tried no secret.
      await limiter(ctx, contract.name, operation.limit, callerName(operation.limit, caller, actor));
      const reply = await operation.handle({
        body: body as never,
        params,
        caller,
        actor,
        get signal() {
          return goneSignal(ctx);
        },
        services,
        ctx,
      });
      accountId ??= reply.accountId ?? null;
      sendReply(ctx, operation, reply);
    } finally {
      const { ip, userAgent } = anonymous;
      deps.noteUse({ door: contract.name, operation: operation.id, accountId, program, userAgent, ip });
    }
  }

  return async (ctx, mount, path) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.set('X-Content-Type-Options', 'nosniff');
    try {
      if (!docs.has(path)) await answer(ctx, path);
      else if (ctx.method === 'GET' || ctx.method === 'HEAD') serveDocs(ctx, document, mount, path);
      else throw refuseMethod(ctx, ['GET', 'HEAD']);
    } catch (error) {
      refuse(ctx, contract, error, deps);
      if (ctx.status === 401) ctx.set('WWW-Authenticate', challenge);
    }
  };
}

/** The key that requests are counted under. Guesses count by source, whatever token comes with them. */
function callerName(limit: LimitClass, caller: Caller | null, actor: Actor): string | null {
  if (caller?.kind === 'apiKey') return `key ${caller.key.id}`;
  return caller === null || limit === 'credentials' ? sourceCaller(actor) : `user ${caller.accountId}`;
}

function actorOf(caller: Caller | null, actor: Actor): Actor {
  if (caller === null) return actor;
  return caller.kind === 'user'
    ? { ...actor, kind: 'user', id: caller.accountId }
    : { ...actor, kind: 'client', id: caller.key.prefix };
}

async function checkedBody(ctx: Context, schema: z.ZodType, limit: number): Promise<unknown> {
  const parsed = schema.safeParse(await readJson(ctx.req, limit));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DomainError('invalid_request', {
    field: issue?.path.join('.') || 'body',
    reason: issue?.message ?? 'invalid',
  });
}

function refuse(
  ctx: Context,
  contract: Contract,
  error: unknown,
  { logger, isUnavailable, services }: HandlerDependencies,
): void {
  const requestId = ctx.get('X-Request-Id');
  const known = isDomainError(error)
    ? error
    : new DomainError(isUnavailable(error) ? 'unavailable' : 'server_error', {}, { cause: error });
  if (known.code === 'server_error')
    logger.error({ err: error, requestId, door: contract.name }, 'a contract door failed');
  const { status, message } = wordsOf(contract, known);
  const retryAfter = known.details.retryAfter ?? (status === 503 ? 5 : undefined);
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter));
  const body = contract.refuse({
    status,
    code: known.code,
    message,
    details: known.details,
    requestId,
    at: new Date(services.clock.now()),
  });
  ctx.status = status;
  ctx.type = 'application/json';
  ctx.body = JSON.stringify(contract.refusalSchema.parse(body));
  leaveUnread(ctx);
}
