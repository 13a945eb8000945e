import type { ClientSecret } from '../domain/clients.ts';
import type { ClientRecord } from '../storage/clients.ts';

/** A client as scripts get it: all of its metadata (RFC 7591), and what stands for what it does not say. */
export const clientJson = ({ id, name, metadata, roles, createdAt, updatedAt }: ClientRecord) => ({
  client_id: id,
  name,
  ...metadata,
  grant_types: (metadata['grant_types'] ?? ['authorization_code']) as string[],
  redirect_uris: (metadata['redirect_uris'] ?? []) as string[],
  token_endpoint_auth_method: (metadata['token_endpoint_auth_method'] ?? 'client_secret_basic') as string,
  roles,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
});

/** The secrets that count, without themselves. */
export const secretsJson = (secrets: ClientSecret[]) =>
  secrets.map(({ id, createdAt, expiresAt }) => ({
    id,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
  }));
