import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { UserRecord } from '../../storage/users.ts';
import type { AuthorizationClaimsOf } from './claim-mappings.ts';
import type { ExtraClientProperties } from './names.ts';

/** Roles and groups; a person needs one of them. */
interface Circle {
  roles?: readonly string[] | undefined;
  groups?: readonly string[] | undefined;
}

/** Whether somebody with these roles and groups belongs to the circle; without a circle everybody does. */
export function isAmong({ roles, groups }: Circle, has: Circle): boolean {
  if (!roles && !groups) return true;
  return (
    (roles?.some((role) => has.roles?.includes(role)) ?? false) ||
    (groups?.some((group) => has.groups?.includes(group)) ?? false)
  );
}

/** What refusals say about a client. */
export const NOT_ALLOWED = 'this person may not use the app';

/** Who may use which client: its `allowed_roles` and `allowed_groups`. */
export interface AppAccess {
  /** Whether an account may use a client. An unrestricted client is for everybody. */
  mayUse(client: object | undefined, accountId: string): Promise<boolean>;
  /**
   * Refuses tokens, claims and backchannel requests of accounts that may not use the client any more. Authorization requests are
   * not refused here: a page explains why (`interactions/policy.ts`).
   * @throws InvalidGrant, InvalidToken, AccessDenied.
   */
  check(ctx: KoaContextWithOIDC, accountId: string): Promise<void>;
}

const REFUSALS: Readonly<Record<string, () => Error>> = {
  token: () => new errors.InvalidGrant(NOT_ALLOWED),
  userinfo: () => new errors.InvalidToken(NOT_ALLOWED),
  backchannel_authentication: () => new errors.AccessDenied(NOT_ALLOWED),
};

export function createAppAccess({
  findUser,
  claimsOf,
}: {
  findUser(id: string): Promise<UserRecord | null>;
  claimsOf: AuthorizationClaimsOf;
}): AppAccess {
  const mayUse: AppAccess['mayUse'] = async (client, accountId) => {
    const { allowed_roles: roles, allowed_groups: groups } = (client ?? {}) as ExtraClientProperties;
    if (!roles && !groups) return true;
    const user = await findUser(accountId);
    const wanted = [...(roles ? (['roles'] as const) : []), ...(groups ? (['groups'] as const) : [])];
    return user !== null && isAmong({ roles, groups }, await claimsOf(user, wanted));
  };
  return {
    mayUse,
    async check({ oidc }, accountId) {
      const refusal = REFUSALS[oidc.route];
      if (refusal && !(await mayUse(oidc.client, accountId))) throw refusal();
    },
  };
}
