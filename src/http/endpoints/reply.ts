import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import type { Endpoint, EndpointReply } from './endpoint.ts';
import { withoutSecrets } from './text.ts';

/** A reply to send: its body has only what the endpoint's schema has, and is undefined without content. */
type CheckedReply = Required<Omit<EndpointReply, 'kept' | 'stream'>> & Pick<EndpointReply, 'stream'>;

/**
 * Checks a reply by the endpoint's schema.
 * @returns it, and the reply for a replay of the request: the same, with null for every issued secret.
 */
export function checkReply(
  { id, replies, streams }: Endpoint,
  { status, body, stream, headers = {}, kept }: EndpointReply,
): { reply: CheckedReply; kept: CheckedReply } {
  if (stream) {
    if (!streams?.includes(stream.type)) throw new Error(`${id} has no reply of the type ${stream.type}`);
    const reply = { status, body: undefined, stream, headers };
    return { reply, kept: reply };
  }
  const schema = replies[status];
  if (schema === undefined) throw new Error(`${id} has no reply with the status ${status}`);
  const content = schema?.parse(body);
  const repeated = kept === undefined ? schema && withoutSecrets(schema, content) : schema?.parse(kept);
  return {
    reply: { status, body: content, headers },
    kept: { status, body: repeated ?? undefined, headers },
  };
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
  send(ctx, checkReply(endpoint, reply).reply);

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
