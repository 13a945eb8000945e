import type { Context, Middleware } from 'koa';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Operator } from '../../domain/operators/operator.ts';
import type { NoteRefused } from '../../domain/operators/refused.ts';
import { ScimError } from '../../domain/scim/errors.ts';
import { scimOperator, type ScimTokens } from '../../domain/scim/tokens.ts';
import { anonymousActor } from '../actor.ts';
import type { Guard } from '../endpoints/guard.ts';
import { readJson } from '../endpoints/json-body.ts';
import { sourceCaller } from '../endpoints/limiter.ts';
import { leaveUnread } from '../endpoints/reply.ts';
import { bulk, readBulk } from './bulk.ts';
import { LIMITS } from './discovery.ts';
import { refusalBody, refusalOf } from './errors.ts';
import { checkDepth, createOperations, type ScimReply, type ScimServices } from './operations.ts';

const BASE = '/scim/v2';
const DOOR = 'scim';
const TYPE = 'application/scim+json; charset=utf-8';
/** Maximum objects and lists in one body: each member of a group is one. */
const MAX_OBJECTS = 60_000;
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

interface Dependencies extends Pick<Guard, 'limiter' | 'logger' | 'isUnavailable'> {
  services: ScimServices & { scimTokens: Pick<ScimTokens, 'authenticate'>; noteRefused: NoteRefused };
  publicUrl: string;
}

/**
 * Identifies the calling directory. Counts the request by source before it looks for the token, and invalid tokens more
 * strictly.
 * @throws DomainError invalid_token, rate_limited.
 */
async function authenticate(ctx: Context, { services, limiter }: Dependencies): Promise<Operator> {
  const actor = anonymousActor(ctx, DOOR);
  const source = sourceCaller(actor);
  await limiter(ctx, DOOR, 'program', source);
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(ctx.get('Authorization')) ?? [];
  const record = token === undefined ? null : await services.scimTokens.authenticate(token);
  if (!record) {
    await limiter(ctx, DOOR, 'credentials', source);
    ctx.set(
      'WWW-Authenticate',
      `Bearer realm="${BASE}"${token === undefined ? '' : ', error="invalid_token"'}`,
    );
    throw new DomainError('invalid_token');
  }
  await limiter(ctx, DOOR, 'program', `token ${record.id}`);
  return scimOperator({ ...actor, kind: 'client', id: record.id });
}

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

/** Answers everything under /scim/v2 (RFC 7644). */
export function createScim(deps: Dependencies): Middleware {
  const { services, publicUrl, logger, isUnavailable } = deps;
  const base = `${publicUrl}${BASE}`;
  const operate = createOperations(services, base);

  const answer = async (ctx: Context, operator: Operator): Promise<ScimReply> => {
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const segments = ctx.path.slice(BASE.length).split('/').slice(1).map(decode);
    if (segments.at(-1) === '') segments.pop();
    const body = WITH_BODY.has(method) ? await readJson(ctx.req, LIMITS.payload, MAX_OBJECTS) : undefined;
    checkDepth(body);
    const [name, ...more] = segments;
    if (name === 'Me')
      return {
        status: 501,
        body: refusalBody({ status: 501, detail: 'A directory has no account of its own' }),
      };
    if (name === 'Bulk' && more.length === 0 && method === 'POST') {
      const asked = readBulk(body);
      await deps.limiter(ctx, DOOR, 'program', `token ${String(operator.actor.id)}`, asked.operations.length);
      return bulk(
        asked,
        operator,
        operate,
        (error, operation) => services.noteRefused(error, operator, operation),
        base,
      );
    }
    return operate({
      method,
      segments,
      query: ctx.query,
      body,
      ifMatch: ctx.get('If-Match'),
      ifNoneMatch: ctx.get('If-None-Match'),
      operator,
    });
  };

  const send = (ctx: Context, { status, body, headers = {} }: ScimReply): void => {
    ctx.set(headers);
    ctx.status = status;
    if (body === undefined) ctx.body = null;
    else {
      ctx.set('Content-Type', TYPE);
      ctx.body = JSON.stringify(body);
    }
    ctx.status = status;
  };

  const refuse = (ctx: Context, error: unknown): void => {
    const known =
      isDomainError(error) || error instanceof ScimError
        ? error
        : new DomainError(isUnavailable(error) ? 'unavailable' : 'server_error', {}, { cause: error });
    const refusal = refusalOf(known);
    if (refusal.status === 500)
      logger.error({ err: error, requestId: ctx.get('X-Request-Id') }, 'SCIM failed');
    const wait = isDomainError(known) ? known.details.retryAfter : undefined;
    if (wait !== undefined || refusal.status === 503) ctx.set('Retry-After', String(wait ?? 5));
    if ('allowed' in known && Array.isArray(known.allowed)) ctx.set('Allow', known.allowed.join(', '));
    send(ctx, { status: refusal.status, body: refusalBody(refusal) });
    leaveUnread(ctx);
  };

  return async (ctx) => {
    ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    try {
      const operator = await authenticate(ctx, deps);
      try {
        send(ctx, await answer(ctx, operator));
      } catch (error) {
        if (isDomainError(error))
          await services.noteRefused(error, operator, `${ctx.method} ${ctx.path}`.slice(0, 200));
        throw error;
      }
    } catch (error) {
      refuse(ctx, error);
    }
  };
}
