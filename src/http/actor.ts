import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Actor, Channel } from '../core/actor.ts';
import { isLoopbackAddress } from '../core/network.ts';

/** What pages within an authorization request know about it. */
interface State {
  clientId?: string | undefined;
}

/** An unauthenticated requester. The listener has verified the address and the request id. */
export function anonymousActor(ctx: Context, door: Channel): Actor {
  const { clientId } = ctx.state as State;
  return {
    kind: 'anonymous',
    id: null,
    door,
    ip: ctx.get('X-Forwarded-For') || null,
    userAgent: ctx.get('User-Agent') || null,
    requestId: ctx.get('X-Request-Id') || null,
    ...(clientId === undefined ? {} : { clientId }),
  };
}

/** The actor of a request by an authenticated account. */
export const userActor = (ctx: Context, door: Channel, accountId: string): Actor => ({
  ...anonymousActor(ctx, door),
  kind: 'user',
  id: accountId,
});

/** The actor of a request by a client that acts for itself. */
export const clientActor = (ctx: Context, door: Channel, clientId: string): Actor => ({
  ...anonymousActor(ctx, door),
  kind: 'client',
  id: clientId,
  clientId,
});

/** Header fields that proxies add. */
const FORWARDED = /^(x-forwarded-.*|x-real-ip|x-client-ip|forwarded|via|cf-connecting-ip|true-client-ip)$/i;

/** The raw values of header field `name`, which is in lower case. */
export function rawValues({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index]!;
    if (field.length === name.length && field.toLowerCase() === name) values.push(rawHeaders[index + 1]!);
  }
  return values;
}

/**
 * Whether a request shows that it came through a proxy: by a header field, or by HTTP/1.0, which nginx speaks by
 * default and browsers and tools no longer do. A proxy that adds nothing goes undetected.
 */
export const isForwarded = ({ rawHeaders, httpVersion }: IncomingMessage): boolean =>
  httpVersion === '1.0' || rawHeaders.some((field, index) => index % 2 === 0 && FORWARDED.test(field));

/** Whether a request was made on this machine and shows no proxy. */
export const isFromThisMachine = (req: IncomingMessage): boolean =>
  isLoopbackAddress((req.socket.remoteAddress ?? '').replace(/^::ffff:/, '')) && !isForwarded(req);
