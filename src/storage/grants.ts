import type { Pool } from 'pg';
import type { Clock } from '../core/clock.ts';
import type { Allowed } from './consents.ts';

/** What a client holds for an account: one for each login. */
export interface GrantRecord {
  clientId: string;
  allowed: Allowed;
  createdAt: Date;
}

export interface Grants {
  /** Those that live, oldest first. */
  listOf(accountId: string): Promise<GrantRecord[]>;
}

interface Row {
  clientId: string;
  payload: { openid?: { scope?: string; claims?: string[] }; resources?: Record<string, string> };
  createdAt: Date;
}

const words = (value: string | undefined): string[] => value?.split(' ').filter(Boolean) ?? [];

/** The provider's grants, as their owners see them. */
export function createGrants({ pool, clock }: { pool: Pool; clock: Clock }): Grants {
  return {
    async listOf(accountId) {
      const { rows } = await pool.query<Row>({
        name: 'grants_list',
        text: `select client_id as "clientId", payload, created_at as "createdAt" from oidc_grants
          where account_id = $1 and expires_at > to_timestamp($2::float8 / 1000) order by created_at`,
        values: [accountId, clock.now()],
      });
      return rows.map(({ clientId, payload: { openid, resources = {} }, createdAt }) => ({
        clientId,
        createdAt,
        allowed: {
          oidcScopes: words(openid?.scope),
          oidcClaims: openid?.claims ?? [],
          resourceScopes: Object.fromEntries(
            Object.entries(resources).map(([api, scope]) => [api, words(scope)]),
          ),
        },
      }));
    },
  };
}
