import { errors, Provider } from 'oidc-provider';
import { isDomainError } from '../core/errors.ts';

/** Too many requests of one kind, in words of the protocol (RFC 6585 section 4, RFC 6749 section 4.1.2.1). */
export class TooMany extends errors.OIDCProviderError {
  /** Seconds. */
  readonly retryAfter: number;
  /** It is said where it happens, with its status. */
  override allow_redirect = false;

  constructor(retryAfter: number, options?: ErrorOptions) {
    super(429, 'temporarily_unavailable', options);
    this.error_description = 'too many requests; try again later';
    this.retryAfter = retryAfter;
  }
}

/** What `work` gives; a limit that it ran into becomes `TooMany`, with Retry-After on the reply. */
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
