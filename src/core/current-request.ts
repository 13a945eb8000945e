import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';

/** The request in whose handling a function runs. */
export interface CurrentRequest {
  reply: ServerResponse;
  /** Milliseconds that it may wait for the database. */
  patience: number;
}

/** Found by the asynchronous context. Whoever needs more of a request extends its store: each further context takes time. */
export const currentRequest = new AsyncLocalStorage<CurrentRequest>();
