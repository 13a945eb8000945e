import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import type { Allowed } from './consents.ts';
import { OidcGrant } from './models/provider-records.ts';

/** A grant of an account to a client: one per login. */
export interface GrantRecord {
  clientId: string;
  allowed: Allowed;
  createdAt: Date;
}

export interface Grants {
  /** Active grants, oldest first. */
  listOf(accountId: string): Promise<GrantRecord[]>;
}

const words = (value: string | undefined): string[] => value?.split(' ').filter(Boolean) ?? [];

/** Grants as shown to their owners. */
export function createGrants(clock: Clock): Grants {
  return {
    async listOf(accountId) {
      const found = await OidcGrant.findAll({
        where: { accountId, expiresAt: { [Op.gt]: new Date(clock.now()) } },
        order: ['createdAt'],
      });
      return found.flatMap(({ clientId, payload: { openid, resources = {} }, createdAt }) =>
        clientId === null
          ? []
          : {
              clientId,
              createdAt,
              allowed: {
                oidcScopes: words(openid?.scope),
                oidcClaims: openid?.claims ?? [],
                resourceScopes: Object.fromEntries(
                  Object.entries(resources).map(([api, scope]) => [api, words(scope)]),
                ),
              },
            },
      );
    },
  };
}
