import type { Assignment } from '../../main.ts';

/** What the primary sends to a worker. */
export type ToWorker =
  | ({ type: 'postern:serve' } & Assignment)
  /** Takes no more connections: answered by `postern:closed`. */
  | { type: 'postern:close' }
  /** Finishes and ends, once all workers have closed. */
  | { type: 'postern:drain' };

/** What a worker sends to the primary. */
export type FromWorker =
  | { type: 'postern:ready'; firstAdmin: Admin | null }
  | { type: 'postern:closed' }
  /** It could not start; `reason` is for the operator. */
  | { type: 'postern:failed'; reason: string };

/** The first administrator as the operator is told of them. */
export interface Admin {
  email: string;
  /** Null when the operator chose it. */
  password: string | null;
}
