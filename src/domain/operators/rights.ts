import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import {
  BUILT_IN_ROLES,
  CONTRACT_ADMIN,
  isPermission,
  type Permission,
  withIncluded,
} from './permissions.ts';

/** All roles that an account has: its own and those of its groups. */
export const rolesOf = ({ roles, groupRoles = [] }: { roles: string[]; groupRoles?: string[] }): string[] =>
  groupRoles.length === 0 ? roles : [...new Set([...roles, ...groupRoles])];

const isBuiltIn = (name: string): boolean => Object.hasOwn(BUILT_IN_ROLES, name);

/** What roles allow. */
export interface Rights {
  /** The management permissions of all roles `names`, with implied ones; an unknown role has none. */
  permissionsOf(names: readonly string[], tx?: Tx): Promise<Set<Permission>>;
  /** The permissions needed to assign or remove roles: everything that they allow, here and at the contracts. */
  weightOf(names: readonly string[], tx?: Tx): Promise<Set<Permission>>;
  /** The permissions of an active account, its own and those of its groups; none for any other. */
  ofAccount(id: string): Promise<Set<Permission>>;
  /** The same for a service account. */
  ofClient(id: string): Promise<Set<Permission>>;
  /** The scopes of an API that the roles `names` allow together. */
  scopesOf(names: readonly string[], api: string): Promise<Set<string>>;
}

export function createRights({
  roles: store,
  users,
  clients,
}: Pick<Stores, 'roles' | 'users' | 'clients'>): Rights {
  const permissionsOf = async (names: readonly string[], tx?: Tx): Promise<Set<Permission>> => {
    const builtIn = names.flatMap((name) =>
      isBuiltIn(name) ? (BUILT_IN_ROLES[name]?.permissions ?? []) : [],
    );
    const others = names.filter((name) => !isBuiltIn(name));
    const custom = (await store.find(others, tx)).flatMap(({ permissions }) =>
      permissions.filter(isPermission),
    );
    return withIncluded([...builtIn, ...custom]);
  };
  return {
    permissionsOf,
    async weightOf(names, tx) {
      const allowed = await permissionsOf(names, tx);
      return names.includes(CONTRACT_ADMIN.role)
        ? allowed.union(new Set(CONTRACT_ADMIN.permissions))
        : allowed;
    },
    async ofAccount(id) {
      const account = await users.findById(id);
      return permissionsOf(account?.status === 'active' ? rolesOf(account) : []);
    },
    async ofClient(id) {
      const client = await clients.find(id);
      return permissionsOf(client?.roles ?? []);
    },
    async scopesOf(names, api) {
      const custom = await store.find(names.filter((name) => !isBuiltIn(name)));
      return new Set(custom.flatMap(({ scopes }) => (Object.hasOwn(scopes, api) ? (scopes[api] ?? []) : [])));
    },
  };
}
