import type { Logger } from '../../core/logger.ts';
import type { PasswordLengths } from './endpoint.ts';
import type { Limiter } from './limiter.ts';

/** Limits, and handling of failures, that every API has. */
export interface Guard {
  limiter: Limiter;
  logger: Logger;
  /** Whether an error is the outage of a store. */
  isUnavailable(error: unknown): boolean;
  passwords: PasswordLengths;
  /** Maximum bytes of a body. */
  bodyLimit: number;
}
