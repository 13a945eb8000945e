import type { ClientSecret } from '../domain/clients.ts';

export { clientView as clientJson } from '../domain/clients.ts';

/** The secrets that count, without themselves. */
export const secretsJson = (secrets: ClientSecret[]) =>
  secrets.map(({ id, createdAt, expiresAt }) => ({
    id,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
  }));
