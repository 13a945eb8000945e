import { errors, Provider } from 'oidc-provider';
import { isDomainError } from '../core/errors.ts';

/** Too many requests, as an OAuth error (RFC 6585 section 4, RFC 6749 section 4.1.2.1). */
export class TooMany extends errors.OIDCProviderError {
  /** Seconds. */
  readonly retryAfter: number;
  /** The limit itself logs and answers it. */
  override allow_redirect = false;

  constructor(retryAfter: number, options?: ErrorOptions) {
    super(429, 'temporarily_unavailable', options);
    this.error_description = 'too many requests; try again later';
    this.retryAfter = retryAfter;
  }
}

/** Runs `work`. A rate limit that it hits becomes `TooMany`, with Retry-After on the reply. */
export async function orTooMany<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isDomainError(error, 'rate_limited')) throw error;
    const { retryAfter = 60 } = error.details;
    Provider.ctx?.set('Retry-After', String(retryAfter));
    throw new TooMany(retryAfter, { cause: error });
  }
}
