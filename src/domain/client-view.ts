import type { ClientRecord } from '../storage/clients.ts';

/** A client as operators see it: all of its metadata (RFC 7591), and what stands for what that does not say. Never a secret. */
export const clientView = ({
  id,
  name,
  metadata,
  roles,
  enabled,
  kind,
  lastUsedAt,
  createdAt,
  updatedAt,
}: ClientRecord) => ({
  client_id: id,
  name,
  ...metadata,
  grant_types: (metadata['grant_types'] ?? ['authorization_code']) as string[],
  redirect_uris: (metadata['redirect_uris'] ?? []) as string[],
  token_endpoint_auth_method: (metadata['token_endpoint_auth_method'] ?? 'client_secret_basic') as string,
  roles,
  kind,
  enabled,
  last_used_at: lastUsedAt?.toISOString() ?? null,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
});
