import { ConfigError } from '../config/config-error.ts';
import { isDomainError, StartupError } from '../core/errors.ts';
import { ApplyFailure } from '../domain/apply/failure.ts';
import { sentenceFor } from '../domain/reasons.ts';
import { isUnavailable } from '../storage/postgres/pool-unavailable.ts';

/** A usage error: exit status 2. */
export class UsageError extends Error {}

/** Why a command failed: a code for scripts, a sentence for people. */
export interface Failure {
  code: string;
  message: string;
  exitCode: 1 | 2;
  /** The stack of an unexpected error. */
  stack?: string | undefined;
}

/** Explains an error to the operator. */
export function explainFailure(error: unknown): Failure {
  if (error instanceof ApplyFailure) {
    const failure = explainFailure(error.cause);
    return { ...failure, message: `${error.message}: ${failure.message}. Nothing was applied.` };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof UsageError) return { code: 'usage', message, exitCode: 2 };
  if (error instanceof ConfigError) return { code: 'configuration', message, exitCode: 1 };
  if (error instanceof StartupError) return { code: 'startup', message, exitCode: 1 };
  if (isDomainError(error)) {
    const { field, reason } = error.details;
    const sentence = sentenceFor(error.code, error.details) ?? reason;
    const more = [field, sentence].filter((part) => part !== undefined).join(': ');
    return { code: error.code, message: more === '' ? message : `${message} (${more})`, exitCode: 1 };
  }
  if (isUnavailable(error)) {
    return { code: 'unavailable', message: `PostgreSQL is not available: ${message}`, exitCode: 1 };
  }
  return { code: 'unexpected', message, exitCode: 1, stack };
}
