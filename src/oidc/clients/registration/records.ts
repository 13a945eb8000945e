import { Provider } from 'oidc-provider';
import type { RegisteredClients } from '../../../domain/registered-clients.ts';
import type { Actor } from '../../../core/actor.ts';
import { sha256 } from '../../../core/ids.ts';
import type { ClientRegistry } from '../registry.ts';
import type { Metadata } from './metadata.ts';

/** The actor: anonymous at registration, the client itself for an update or deletion. */
function actorOf(): Actor {
  const ctx = Provider.ctx;
  const clientId = ctx?.oidc.client?.clientId ?? null;
  return {
    kind: clientId === null ? 'anonymous' : 'client',
    id: clientId,
    door: 'oidc',
    ip: ctx?.get('X-Forwarded-For') || null,
    userAgent: ctx?.get('User-Agent') || null,
    requestId: ctx?.get('X-Request-Id') || null,
  };
}

/** Stores registrations of the library as clients of the domain. */
export function registrationRecords({
  clients,
  registered,
}: {
  clients: ClientRegistry;
  registered: RegisteredClients;
}) {
  return {
    async upsert(id: string, payload: Metadata): Promise<void> {
      const {
        client_id: _id,
        client_name: name,
        client_secret: secret,
        client_secret_expires_at: _ends,
        scope,
        api_scope: apis,
        ...metadata
      } = payload;
      const scopes = [scope, apis].filter(Boolean).join(' ');
      const known = (await clients.metadata(id))?.['client_secret'];
      await registered.save(
        {
          id,
          name: String(name),
          // A client that keeps its secret arrives with the hash that it was read with.
          secretHash: typeof secret !== 'string' ? null : secret === known ? secret : sha256(secret),
          metadata: { ...metadata, scope: scopes },
        },
        actorOf(),
      );
      clients.forget(id);
    },
    async destroy(id: string): Promise<void> {
      await registered.delete(id, actorOf());
      clients.forget(id);
    },
  };
}
