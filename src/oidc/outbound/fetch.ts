import type { Dispatcher } from 'undici';
import { createAddressRule } from './addresses.ts';
import { createGuardedConnector, OutboundRefused } from './connector.ts';

/** A reply that has been read entirely. */
export type OutboundFetch = typeof globalThis.fetch;

interface OutboundLimits {
  /** Milliseconds from the call to the last byte of the reply. */
  timeout: number;
  /** Maximum bytes of the reply's decompressed body; null to leave the body unread. */
  maxBytes: number | null;
}

const LIMITS: OutboundLimits = { timeout: 5000, maxBytes: 524_288 };

/** Statuses whose reply has no body (Fetch standard, "null body status"). */
const BODILESS = new Set([101, 103, 204, 205, 304]);

/**
 * A `fetch` for URLs that strangers provide. It calls only public addresses over https, or listed ones; returns a redirect
 * instead of following it; and gives up on a late or large reply.
 * @param allow hostnames, addresses and CIDR blocks that may be called besides, over http as well.
 * @throws StartupError when one of them is none of these.
 */
export function createOutboundFetch(
  { allow }: { allow: string[] },
  { timeout, maxBytes }: OutboundLimits = LIMITS,
): OutboundFetch {
  const mayConnect = createAddressRule(allow);
  let dispatcher: Dispatcher | undefined;
  return async (input, init) => {
    const request = new Request(input, init);
    const { url, method, headers } = request;
    if (!/^https?:/.test(url)) throw new OutboundRefused();
    // Loaded on first use: it is large, and many servers never call out.
    const { Agent, buildConnector, fetch } = await import('undici');
    dispatcher ??= new Agent({ connect: createGuardedConnector(mayConnect, buildConnector) });
    try {
      // A dispatcher of the caller's would bypass our rule.
      const reply = await fetch(url, {
        method,
        headers: [...headers],
        body: request.body && (await request.arrayBuffer()),
        dispatcher,
        redirect: 'manual',
        signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]),
      });
      const body = maxBytes === null ? null : await readAtMost(maxBytes, reply.body);
      if (maxBytes === null) await reply.body?.cancel();
      const { status, statusText } = reply;
      return new Response(BODILESS.has(status) ? null : body, {
        status,
        statusText,
        headers: [...reply.headers],
      });
    } catch (error) {
      const cause = error instanceof TypeError ? error.cause : undefined;
      throw cause instanceof OutboundRefused ? cause : error;
    }
  };
}

/** A reply larger than allowed. */
export class ReplyTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the reply has more than ${maxBytes} bytes`);
    this.name = 'ReplyTooLarge';
  }
}

/** @throws ReplyTooLarge once there is more than `maxBytes`; leaving the loop ends the connection. */
async function readAtMost(
  maxBytes: number,
  body: AsyncIterable<Uint8Array> | null,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of body ?? []) {
    received += chunk.length;
    if (received > maxBytes) throw new ReplyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
