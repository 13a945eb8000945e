import type { ClientSecret } from '../domain/clients.ts';

export { clientView as clientJson } from '../domain/clients.ts';

/** Describes the active secrets without their values. */
export const secretsJson = (secrets: ClientSecret[]) =>
  secrets.map(({ id, createdAt, expiresAt }) => ({
    id,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
  }));
