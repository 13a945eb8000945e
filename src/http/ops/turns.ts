import type { Socket } from 'node:net';
import type { Listener, Reply } from '../reply.ts';

/** Maximum requests waiting on one connection. No well-behaved client sends so many ahead. */
const MAX_WAITING = 100;

/**
 * Makes each connection handle one request at a time. Requests sent ahead (pipelining, RFC 9112 section 9.3.2) have to wait for
 * their turn to reply anyway. Each starts in its own turn of the event loop, so that one source doesn't delay others. A
 * connection with too many waiting requests is cut off.
 */
export function oneAtATime(listener: Listener): Listener {
  const lines = new WeakMap<Socket, { last: Reply; waiting: number }>();
  return (req, res) => {
    const { socket } = req;
    const line = lines.get(socket);
    if (!line) {
      lines.set(socket, { last: res, waiting: 0 });
      return listener(req, res);
    }
    const before = line.last;
    line.last = res;
    if (before.closed) return listener(req, res);
    // Parsed together with the request that ended the connection.
    if (socket.destroyed) return;
    line.waiting += 1;
    if (line.waiting > MAX_WAITING) return void socket.destroy();
    before.once('close', () =>
      setImmediate(() => {
        line.waiting -= 1;
        if (!socket.destroyed) listener(req, res);
      }),
    );
  };
}
