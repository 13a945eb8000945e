import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import type { Endpoint, EndpointReply } from './endpoint.ts';
import { withoutSecrets } from './text.ts';

/** A reply to send: its body has only what the endpoint's schema has, and is undefined without content. */
type CheckedReply = Required<Omit<EndpointReply, 'kept' | 'stream'>> & Pick<EndpointReply, 'stream'>;

/** Checks a reply by the endpoint's schema. */
export function checkReply(
  { id, replies, streams }: Endpoint,
  { status, body, stream, headers = {} }: EndpointReply,
): CheckedReply {
  if (stream) {
    if (!streams?.includes(stream.type)) throw new Error(`${id} has no reply of the type ${stream.type}`);
    return { status, body: undefined, stream, headers };
  }
  const schema = replies[status];
  if (schema === undefined) throw new Error(`${id} has no reply with the status ${status}`);
  return { status, body: schema?.parse(body), headers };
}

/** The reply for a replay of the request: the checked one, with null for every issued secret. */
export function replayOf(
  { replies }: Endpoint,
  { kept }: EndpointReply,
  checked: CheckedReply,
): CheckedReply {
  const { status, body, headers } = checked;
  const schema = replies[status];
  if (checked.stream || !schema) return checked;
  return { status, body: kept === undefined ? withoutSecrets(schema, body) : schema.parse(kept), headers };
}

/** Sends a checked reply. */
export function send(
  ctx: Context,
  { status, body, stream, headers = {} }: Omit<EndpointReply, 'kept'>,
): void {
  ctx.set(headers);
  ctx.status = status;
  if (stream) {
    ctx.type = stream.type;
    ctx.body = Readable.from(stream.chunks);
  } else if (body === undefined) ctx.body = null;
  else {
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(body);
  }
  ctx.status = status;
}

/** Sends a reply. Nothing leaves that is not in the endpoint's schema. */
export const sendReply = (ctx: Context, endpoint: Endpoint, reply: EndpointReply): void =>
  send(ctx, checkReply(endpoint, reply));

/** Sets Allow. @returns the error to throw. */
export function refuseMethod(ctx: Context, allowed: string[]): DomainError {
  ctx.set('Allow', allowed.join(', '));
  return new DomainError('method_not_allowed');
}

/** Aborts when the client disconnects before the reply. */
export function goneSignal({ res }: Context): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => gone.abort(new DomainError('unavailable')));
  return gone.signal;
}

/** Closes the connection after a refusal if the request's body is still unread. */
export function leaveUnread(ctx: Context): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = ctx.req.headers;
  if (!ctx.req.complete && (length !== '0' || coding !== undefined)) ctx.set('Connection', 'close');
}
