import type { RawRecord } from '../imports/record.ts';

/** What went wrong with a source: nobody is told, but operators see it in metrics and the log. */
export type SourceFailure =
  /** No answer: no connection, or an address that may not be called. */
  | 'unreachable'
  | 'timeout'
  /** Left alone for a while after failures. */
  | 'breaker_open'
  /** As many requests are under way as it may have. */
  | 'busy'
  /** An answer with a status of its own trouble. */
  | 'status'
  | 'redirect'
  | 'too_large'
  /** What it says is no account. */
  | 'nonsense'
  /** An account that is not whom the request named. */
  | 'another_account';

/** A source that cannot be used now; whoever signs in is told that the service is not available. */
export class SourceError extends Error {
  readonly failure: SourceFailure;

  /** @param message for operators: nothing of what a person typed, and nothing of the reply. */
  constructor(failure: SourceFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.failure = failure;
  }
}

export interface Attempt {
  /** An email address or a username, as it was typed. */
  identifier: string;
  password: string;
  /** Aborts when the caller has gone. */
  signal?: AbortSignal | undefined;
}

/** Another service that answers for accounts that are not here yet. */
export interface LegacySource {
  /** @returns the account that the password is right for; null when it is refused. @throws SourceError. */
  authenticate(attempt: Attempt): Promise<RawRecord | null>;
  /** Whether somebody is called so; missing where the source cannot tell without a password. @throws SourceError. */
  exists?(identifier: string, signal?: AbortSignal): Promise<boolean>;
  /** How many accounts there are; missing where nobody has said how to count. @throws SourceError. */
  count?(): Promise<number>;
  close(): Promise<void>;
}
