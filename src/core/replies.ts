import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentRequest } from './current-request.ts';
import { DomainError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Follow-up of a reply. Gets its status, or null when it was never sent. Retried until it succeeds. */
export type AfterReply = (status: number | null) => Promise<void>;

/** Whether a reply counts: one that reports an outage, or that nobody received, must cost the caller nothing. */
export const isAnswer = (status: number | null): status is number => status !== null && status < 500;

/**
 * Milliseconds that one request may hold a single-use secret. If its outcome is not known by then, it never will be,
 * and the secret is released.
 */
export const CLAIM_TTL = 10_000;

/** Milliseconds that a request waits for the outcome of another one with the same secret. */
const POLL_TIMEOUT = 2_000;

/**
 * Polls until the outcome is known: `find` returns undefined while another request is being answered.
 * @throws DomainError unavailable when it takes too long; a later try will know more.
 */
export async function pollUntilKnown<T>(find: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + POLL_TIMEOUT;
  for (let pause = 20; ; pause = Math.min(2 * pause, 500)) {
    const found = await find();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new DomainError('unavailable');
    await sleep(pause);
  }
}

/** Milliseconds between two retries of a follow-up, and for how long it is retried. */
const RETRY_PAUSE = { first: 50, max: 500 };
const RETRY_TIMEOUT = 600_000;

/** Milliseconds that a stopping process waits for follow-ups. */
const CLOSE_TIMEOUT = 2_000;

/**
 * Work that waits for a reply to be sent: a code must stay usable if its reply was never sent. Any
 * function that is called for the current request can follow its reply.
 */
export class Replies {
  readonly #waiting = new WeakMap<ServerResponse, AfterReply[]>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Runs `work` when the reply to the current request was sent, or no longer can be. Outside a request (in a command)
   * no reply can be lost: runs it immediately, as for a 200, and awaits it.
   */
  async after(work: AfterReply): Promise<void> {
    const reply = currentRequest.getStore()?.reply;
    if (!reply) return work(200);
    const waiting = this.#waiting.get(reply);
    if (reply.closed) this.#run(work, statusOf(reply));
    else if (waiting) waiting.push(work);
    else this.#wait(reply, [work]);
  }

  /** Waits a moment for the follow-ups of the last replies. */
  async close(): Promise<void> {
    const late = sleep(CLOSE_TIMEOUT, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), late]);
    this.#closing.abort();
  }

  #wait(reply: ServerResponse, waiting: AfterReply[]): void {
    this.#waiting.set(reply, waiting);
    reply.once('close', () => {
      for (const work of waiting) this.#run(work, statusOf(reply));
    });
  }

  #run(work: AfterReply, status: number | null): void {
    const running = this.#untilDone(work, status).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #untilDone(work: AfterReply, status: number | null): Promise<void> {
    const { signal } = this.#closing;
    const end = performance.now() + RETRY_TIMEOUT;
    for (let pause = RETRY_PAUSE.first; ; pause = Math.min(2 * pause, RETRY_PAUSE.max)) {
      try {
        await work(status);
        return;
      } catch (error) {
        if (signal.aborted || performance.now() > end) {
          this.#logger.error({ err: error }, 'the effects of a reply were not saved');
          return;
        }
        await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }
}

const failed = new WeakSet<ServerResponse>();

/** Marks a reply as a failure whatever its status: a form is answered by a redirect. */
export const markFailed = (reply: ServerResponse): void => void failed.add(reply);

const statusOf = (reply: ServerResponse): number | null =>
  reply.writableFinished && !failed.has(reply) ? reply.statusCode : null;
