import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';

/** The request in whose handling a function runs. */
export interface CurrentRequest {
  reply: ServerResponse;
  /** When it came, in milliseconds since the epoch: a busy server handles it later. */
  arrivedAt: number;
  /** Milliseconds that it may wait for the database. */
  patience: number;
}

/** Found by the asynchronous context. Whoever needs more of a request extends its store: each further context takes time. */
export const currentRequest = new AsyncLocalStorage<CurrentRequest>();
