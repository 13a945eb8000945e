import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import type { Endpoint, EndpointReply } from './endpoint.ts';

/** Sends a reply; nothing leaves that the endpoint's schema does not have. */
export function sendReply(
  ctx: Context,
  { id, replies }: Endpoint,
  { status, body, headers = {} }: EndpointReply,
): void {
  const schema = replies[status];
  if (schema === undefined) throw new Error(`${id} has no reply with the status ${status}`);
  ctx.set(headers);
  ctx.status = status;
  if (schema === null) ctx.body = null;
  else {
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(schema.parse(body));
  }
  ctx.status = status;
}

/** Says which methods there are. @returns what to throw. */
export function refuseMethod(ctx: Context, allowed: string[]): DomainError {
  ctx.set('Allow', allowed.join(', '));
  return new DomainError('method_not_allowed');
}

/** Aborts when the client goes before it has its reply. */
export function goneSignal({ res }: Context): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => gone.abort(new DomainError('unavailable')));
  return gone.signal;
}

/** Closes the connection after a refusal that came before the request's body was read: what is left will not be. */
export function leaveUnread(ctx: Context): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = ctx.req.headers;
  if (!ctx.req.complete && (length !== '0' || coding !== undefined)) ctx.set('Connection', 'close');
}
