import type { ServerResponse } from 'node:http';
import { type CurrentRequest, currentRequest } from './current-request.ts';

/** Milliseconds between two checks of the waiting requests. */
const INTERVAL = 250;

/** Milliseconds after which work started by a request counts as independent, even if no reply was sent. */
const LIFE = 120_000;

/**
 * How long one request waits for the database in total. Each statement has its own timeout; this one bounds their sum.
 * A database that answers each of them slowly then is an outage to the client (503), and the request doesn't hold its
 * connections for minutes.
 */
class Patience {
  readonly #reply: ServerResponse;
  readonly #startedAt = performance.now();
  readonly #running = new Set<() => void>();
  #left: number;
  #since = 0;

  constructor({ reply, patience }: CurrentRequest) {
    this.#left = patience;
    this.#reply = reply;
    timer ??= setInterval(() => {
      for (const patience of waiting) patience.check();
    }, INTERVAL).unref();
  }

  get #isOver(): boolean {
    return this.#reply.headersSent || performance.now() - this.#startedAt > LIFE;
  }

  begin(giveUp: () => void): () => void {
    if (this.#running.size === 0) {
      this.#since = performance.now();
      waiting.add(this);
    }
    this.#running.add(giveUp);
    if (this.#left <= 0 && !this.#isOver) giveUp();
    return () => {
      if (!this.#running.delete(giveUp) || this.#running.size > 0) return;
      this.#left -= performance.now() - this.#since;
      waiting.delete(this);
    };
  }

  check(): void {
    if (performance.now() - this.#since < this.#left || this.#isOver) return;
    for (const giveUp of this.#running) giveUp();
  }
}

/** Of requests with statements. From the beginning of the reply there is no limit. */
const patiences = new WeakMap<CurrentRequest, Patience>();
const waiting = new Set<Patience>();
let timer: NodeJS.Timeout | undefined;

/**
 * Counts a statement of the current request. Concurrent statements count once.
 * @param giveUp ends it with an error. Called when the request has waited too long: immediately if it already has.
 * @returns what to call when the statement has ended; undefined outside a request.
 */
export function waitingForStatement(giveUp: () => void): (() => void) | undefined {
  const request = currentRequest.getStore();
  if (!request) return undefined;
  let patience = patiences.get(request);
  if (!patience) patiences.set(request, (patience = new Patience(request)));
  return patience.begin(giveUp);
}

/** Binds `callback` to the current request, whoever calls it: it may wait in a queue with those of other requests. */
export function inOwnPatience<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void {
  const captured = currentRequest.getStore();
  return (...args) => {
    if (currentRequest.getStore() === captured) callback(...args);
    // The type requires a store, but undefined is allowed.
    else currentRequest.run(captured as CurrentRequest, callback, ...args);
  };
}
