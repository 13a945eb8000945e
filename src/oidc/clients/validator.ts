import { errors, type ClientMetadata } from 'oidc-provider';
import { DomainError } from '../../kernel/errors.ts';
import { forLibrary } from './metadata.ts';
import type { LiveProvider } from '../live-provider.ts';

/** Checks client metadata by building the client from it. @throws DomainError invalid_client_metadata, saying why. */
export function createClientValidator(
  live: LiveProvider,
): (metadata: Record<string, unknown>) => Promise<void> {
  return async (metadata) => {
    const Client = live.current.Client as unknown as new (metadata: ClientMetadata) => unknown;
    try {
      // Building it is the check: the library throws what is wrong.
      void new Client(forLibrary(metadata) as unknown as ClientMetadata);
    } catch (error) {
      if (!(error instanceof errors.InvalidClientMetadata)) throw error;
      throw new DomainError('invalid_client_metadata', { reason: error.error_description ?? error.message });
    }
  };
}
