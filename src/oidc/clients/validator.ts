import { errors, type ClientMetadata } from 'oidc-provider';
import { DomainError } from '../../core/errors.ts';
import { forLibrary } from './api-scope.ts';
import { nameProblem } from './names.ts';
import type { LiveProvider } from '../live-provider.ts';
import type { ClientRegistry } from './registry.ts';

/**
 * Checks client metadata by building the client from it.
 * @param changed the names of properties to set or remove: each must be known, and must not be silently dropped.
 * @throws DomainError invalid_client_metadata, saying why.
 */
export type ClientValidator = (metadata: Record<string, unknown>, changed: string[]) => Promise<void>;

export function createClientValidator(
  live: Pick<LiveProvider, 'current'>,
  clients: Pick<ClientRegistry, 'oidcScopes'>,
): ClientValidator {
  return async (metadata, changed) => {
    for (const name of changed) {
      const problem = nameProblem(name);
      if (problem !== null)
        throw new DomainError('invalid_client_metadata', { field: name, reason: problem });
    }
    const Client = live.current.Client as unknown as new (metadata: ClientMetadata) => BuiltClient;
    try {
      // Validate by constructing the client: the library throws for invalid metadata and drops unknown properties.
      const built = new Client(
        forLibrary(metadata, clients.oidcScopes) as unknown as ClientMetadata,
      ).metadata();
      const dropped = changed.find((name) => metadata[name] !== undefined && !(name in built));
      if (dropped !== undefined)
        throw new DomainError('invalid_client_metadata', { field: dropped, reason: 'has no effect here' });
    } catch (error) {
      if (!(error instanceof errors.InvalidClientMetadata)) throw error;
      throw new DomainError('invalid_client_metadata', { reason: error.error_description ?? error.message });
    }
  };
}

interface BuiltClient {
  metadata(): object;
}
