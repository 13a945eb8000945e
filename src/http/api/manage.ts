/** What operators ask for: done once for an Idempotency-Key, by itself or inside another request. */
import { parse as parseQuery } from 'node:querystring';
import type { Context } from 'koa';
import { z } from 'zod';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { type Operator, requirePermission } from '../../domain/operators/operator.ts';
import type { EndpointReply } from '../endpoints/endpoint.ts';
import { checkReply } from '../endpoints/reply.ts';
import type { Routing } from '../endpoints/routing.ts';
import type { ApiOperation, Attempt, InnerRequest, OperatorCall, OperatorOperation } from './operation.ts';
import { InvalidFields, PreconditionFailed, Problem, type problemOf } from './problems.ts';
import { versionsOf } from './versions.ts';

type AnyCall = OperatorCall<never, never>;
type Replies = ReturnType<typeof checkReply>;

/** Schemas of records pass over `__proto__`: a caller hears that it is no name. The body's parser bounds the depth. */
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

/** @throws PreconditionFailed with the resource as it is now, where the operation can show it. */
async function perform(operation: OperatorOperation, call: AnyCall): Promise<Replies> {
  try {
    return checkReply(operation, await operation.handle(call));
  } catch (error) {
    if (!isDomainError(error, 'precondition_failed') || !operation.current) throw error;
    throw new PreconditionFailed(await operation.current(call));
  }
}

/** Printable ASCII, as a header field has it. */
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

/** The operation that an inner request means, with its parameters. @throws DomainError not_found, method_not_allowed. */
function routeOf(routing: Routing<ApiOperation>, basePath: string, { method, path }: InnerRequest) {
  const [pathname = '', ...query] = path.split('?');
  const route = routing.find(method, `${basePath}${pathname}`);
  if ('allow' in route) throw new DomainError('method_not_allowed');
  const { operation, params } = route;
  // An own account's operations are not for operators, what holds others does not hold itself, and a stream is no body.
  if (operation.caller !== 'operator' || operation.cost || operation.streams)
    throw new DomainError('not_found');
  return { operation, params, query: { ...parseQuery(query.join('?')) } };
}

interface Surroundings {
  routing: Routing<ApiOperation>;
  basePath: string;
  /** What every call of this request has. */
  call: Omit<AnyCall, 'body' | 'query' | 'params' | 'expected' | 'attempt'>;
  stepUp(): Promise<void>;
  /** A refusal as it is answered. */
  problemOf(error: unknown): ReturnType<typeof problemOf>;
}

/** What `OperatorCall.attempt` does. */
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
