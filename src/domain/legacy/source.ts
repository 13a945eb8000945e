import type { RawRecord } from '../imports/record.ts';

/** Kinds of trouble with a source, for metrics and the log only. */
export type SourceFailure =
  /** No answer: no connection, or an address that may not be called. */
  | 'unreachable'
  | 'timeout'
  /** Left alone for a while after failures. */
  | 'breaker_open'
  /** As many requests are under way as allowed. */
  | 'busy'
  /** A status that means trouble at the source. */
  | 'status'
  | 'redirect'
  | 'too_large'
  /** The reply is not an account. */
  | 'nonsense'
  /** Another account than the request named. */
  | 'another_account';

/** A source is unusable; the login fails as unavailable. */
export class SourceError extends Error {
  readonly failure: SourceFailure;

  /** @param message for operators; never includes typed values or the reply. */
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

/** A verified token of the service, for an account that is not here. */
export interface ShownToken {
  /** The account's id there. */
  sourceId: string;
  kind: 'access' | 'refresh';
  token: string;
}

/** Another service with accounts that are not here yet. */
export interface LegacySource {
  /** @returns the account if the password is right; null when it is refused. @throws SourceError. */
  authenticate(attempt: Attempt): Promise<RawRecord | null>;
  /** Whether an account has this name; missing where the source cannot tell without a password. @throws SourceError. */
  exists?(identifier: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * The account that a token belongs to; null when the source does not know it. Absent where the source cannot be asked.
   * @throws SourceError.
   */
  profile?(shown: ShownToken, signal: AbortSignal): Promise<RawRecord | null>;
  /** Counts the accounts; absent where no query is configured. @throws SourceError. */
  count?(): Promise<number>;
  close(): Promise<void>;
}
