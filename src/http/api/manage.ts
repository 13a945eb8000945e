/** Runs management operations: once per Idempotency-Key, alone or inside another request. */
import { parse as parseQuery } from 'node:querystring';
import type { Context } from 'koa';
import { z } from 'zod';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { type Operator, requirePermission } from '../../domain/operators/operator.ts';
import type { EndpointReply } from '../endpoints/endpoint.ts';
import { checkReply, replayOf } from '../endpoints/reply.ts';
import type { Routing } from '../endpoints/routing.ts';
import type { ApiOperation, Attempt, InnerRequest, OperatorCall, OperatorOperation } from './operation.ts';
import { InvalidFields, PreconditionFailed, Problem, type problemOf } from './problems.ts';
import { versionsOf } from './versions.ts';

type AnyCall = OperatorCall<never, never>;
type Replies = Record<'reply' | 'kept', ReturnType<typeof checkReply>>;

/**
 * Record schemas skip `__proto__`; reject it, so that the caller learns that it is not a name. The body parser bounds the
 * depth.
 */
const namesPrototype = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(namesPrototype));

const PROTOTYPE = new z.ZodError([
  {
    code: 'unrecognized_keys',
    keys: ['__proto__'],
    path: [],
    message: 'no name is __proto__',
  },
]);

/** @throws InvalidFields. */
export function checked(schema: z.ZodType, value: unknown): unknown {
  if (namesPrototype(value)) throw new InvalidFields(PROTOTYPE);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InvalidFields(parsed.error);
  return parsed.data;
}

/** @throws PreconditionFailed with the current resource, if the operation can show it. */
async function perform(operation: OperatorOperation, call: AnyCall): Promise<Replies> {
  try {
    const answer = await operation.handle(call);
    const reply = checkReply(operation, answer);
    return { reply, kept: replayOf(operation, answer, reply) };
  } catch (error) {
    if (!isDomainError(error, 'precondition_failed') || !operation.current) throw error;
    throw new PreconditionFailed(await operation.current(call));
  }
}

/** Printable ASCII, as in a header field. */
const KEY = /^[\x21-\x7E](?:[\x20-\x7E]{0,253}[\x21-\x7E])?$/;

/** The Idempotency-Key of a POST; undefined without one. @throws DomainError invalid_request. */
function keyOf(ctx: Context): string | undefined {
  const key = ctx.method === 'POST' ? ctx.get('Idempotency-Key') : '';
  if (key === '') return undefined;
  if (!KEY.test(key)) throw new DomainError('invalid_request', { field: 'Idempotency-Key' });
  return key;
}

/** Executes a management request. @param body unvalidated. */
export async function manage(
  ctx: Context,
  operation: OperatorOperation,
  call: AnyCall,
  body: unknown,
): Promise<EndpointReply> {
  const key = keyOf(ctx);
  if (key === undefined) return (await perform(operation, call)).reply;
  const { kind, id } = call.actor;
  const request = { key, caller: `${kind} ${id}`, target: `${ctx.method} ${ctx.url}`, body };
  const { reply, isReplay } = await call.services.once(request, () => perform(operation, call));
  return isReplay ? { ...reply, headers: { ...reply.headers, 'Idempotency-Replayed': 'true' } } : reply;
}

/** @throws DomainError insufficient_scope. */
export function requireScope(operator: Operator, { scope, otherScope }: OperatorOperation): void {
  const isAllowed = scope === null || (otherScope && operator.permissions.has(otherScope));
  if (!isAllowed) requirePermission(operator, scope);
}

/** Finds the operation of an inner request, with its parameters. @throws DomainError not_found, method_not_allowed. */
function routeOf(routing: Routing<ApiOperation>, basePath: string, { method, path }: InnerRequest) {
  const [pathname = '', ...query] = path.split('?');
  const route = routing.find(method, `${basePath}${pathname}`);
  if ('allow' in route) throw new DomainError('method_not_allowed');
  const { operation, params } = route;
  // Reject operations on the own account, operations that contain others, and streams.
  if (operation.caller !== 'operator' || operation.cost || operation.streams)
    throw new DomainError('not_found');
  return { operation, params, query: { ...parseQuery(query.join('?')) } };
}

interface Surroundings {
  routing: Routing<ApiOperation>;
  basePath: string;
  /** Shared by all calls of this request. */
  call: Omit<AnyCall, 'body' | 'query' | 'params' | 'expected' | 'attempt'>;
  stepUp(): Promise<void>;
  /** Formats a refusal as in a reply. */
  problemOf(error: unknown): ReturnType<typeof problemOf>;
}

/** Implements `OperatorCall.attempt`. */
export const createAttempt = ({ routing, basePath, call, stepUp, problemOf }: Surroundings) =>
  async function attempt(request: InnerRequest): Promise<Attempt> {
    const { services, operator } = call;
    let name = 'bulk';
    try {
      const { operation, params, query } = routeOf(routing, basePath, request);
      name = operation.id;
      requireScope(operator, operation);
      if (operation.fresh) await stepUp();
      const inner = {
        ...call,
        params,
        query: operation.query && checked(operation.query, query),
        body: operation.body && checked(operation.body, request.body),
        expected: versionsOf(request.ifMatch ?? ''),
        attempt,
      };
      const { reply, kept } = await services.asOne(() => perform(operation, inner as AnyCall));
      return { status: reply.status, body: reply.body, kept: kept.body, noteRefusal: async () => undefined };
    } catch (error) {
      const problem = Problem.parse(problemOf(error));
      const noteRefusal = async () =>
        isDomainError(error) ? services.noteRefused(error, operator, name) : undefined;
      return { status: problem.status, body: problem, kept: problem, noteRefusal };
    }
  };
