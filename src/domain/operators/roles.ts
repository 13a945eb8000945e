import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { RoleRecord, RoleStore } from '../../storage/roles.ts';
import type { Stores } from '../../storage/stores.ts';
import { mayGive } from './escalation.ts';
import {
  changesOf,
  checkDescription,
  checkVersion,
  type Expected,
  misnamed,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';
import { ALL_PERMISSIONS, BUILT_IN_ROLES, isPermission, type Permission } from './permissions.ts';

export interface Role {
  name: string;
  description: string;
  /** Of the management API, without implied ones. */
  permissions: Permission[];
  /** Scopes of APIs that enforce roles, by the API's identifier. */
  scopes: Record<string, string[]>;
  /** Whether it is built in and cannot be changed. */
  builtIn: boolean;
  version: number;
}

export interface RoleChanges {
  description?: string | undefined;
  permissions?: string[] | undefined;
  scopes?: Record<string, string[]> | undefined;
}

export interface Roles {
  /** Built-in ones first, the others by name. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<Role[]>;
  /** @throws DomainError insufficient_scope, role_not_found. */
  find(operator: Operator, name: string): Promise<Role>;
  /** @throws DomainError insufficient_scope, permission_not_held, role_taken, invalid_request. */
  create(operator: Operator, role: RoleChanges & { name: string }): Promise<Role>;
  /**
   * Updates the given fields. The change applies from each holder's next request.
   * @throws DomainError insufficient_scope, permission_not_held, role_not_found, forbidden for a built-in one,
   *   precondition_failed, invalid_request.
   */
  update(operator: Operator, name: string, changes: RoleChanges, expected?: Expected): Promise<Role>;
  /** @throws DomainError as `update`; in_use while somebody has it. */
  remove(operator: Operator, name: string, expected?: Expected): Promise<void>;
  /** @throws DomainError invalid_request when one of them does not exist. */
  checkNames(names: readonly string[], tx?: Tx, field?: string): Promise<void>;
}

/** The form of a role's name, which appears in tokens, URLs and configuration. */
export const ROLE_NAME = /^[a-z0-9](?:[a-z0-9_.:-]{0,62}[a-z0-9])?$/;

/** Roles that every database has and contracts rely on: their scopes may change, but they cannot be deleted. */
export const PERMANENT_ROLES: ReadonlySet<string> = new Set(['user', 'admin']);

const builtIn = (name: string): Role | undefined => {
  const role = Object.hasOwn(BUILT_IN_ROLES, name) ? BUILT_IN_ROLES[name] : undefined;
  return (
    role && {
      name,
      description: role.description,
      permissions: [...role.permissions],
      scopes: {},
      builtIn: true,
      version: 1,
    }
  );
};

const toRole = ({ name, description, permissions, scopes, version }: RoleRecord): Role => ({
  name,
  description,
  permissions: permissions.filter(isPermission),
  scopes,
  builtIn: false,
  version,
});

const sorted = (values: readonly string[]): string[] => [...new Set(values)].sort();

export function createRoles({
  store,
  apis,
  audit,
  inTransaction,
}: Pick<Stores, 'apis' | 'audit' | 'inTransaction'> & { store: RoleStore }): Roles {
  /** The changes in stored form. @throws DomainError invalid_request. */
  const parse = async ({ description, permissions, scopes }: RoleChanges) => {
    checkDescription(description);
    const unknown = permissions?.find((name) => !isPermission(name));
    if (unknown !== undefined) refuse('permissions', misnamed('permission', unknown, ALL_PERMISSIONS));
    const known = scopes === undefined ? [] : await apis.list();
    for (const [identifier, names] of Object.entries(scopes ?? {})) {
      const api = known.find((one) => one.identifier === identifier);
      if (!api)
        refuse(
          'scopes',
          misnamed(
            'API',
            identifier,
            known.map((one) => one.identifier),
          ),
        );
      const missing = names.find((name) => !api.scopes.includes(name));
      if (missing !== undefined) refuse('scopes', misnamed(`scope of ${identifier}`, missing, api.scopes));
    }
    return {
      ...(description === undefined ? {} : { description }),
      ...(permissions === undefined ? {} : { permissions: sorted(permissions) }),
      ...(scopes === undefined
        ? {}
        : { scopes: Object.fromEntries(Object.entries(scopes).map(([api, names]) => [api, sorted(names)])) }),
    };
  };

  /** The role to change, locked; the operator must hold all its permissions, too. */
  const lockManageable = async (operator: Operator, name: string, expected: Expected | undefined, tx: Tx) => {
    if (builtIn(name)) throw new DomainError('forbidden', { reason: 'built_in' });
    const role = await store.lock(name, tx);
    if (!role) throw new DomainError('role_not_found');
    checkVersion(role, expected);
    mayGive(operator, role.permissions.filter(isPermission));
    return role;
  };

  return {
    async list(operator) {
      requirePermission(operator, 'roles:read');
      const made = await store.list();
      return [...Object.keys(BUILT_IN_ROLES).flatMap((name) => builtIn(name) ?? []), ...made.map(toRole)];
    },
    async find(operator, name) {
      requirePermission(operator, 'roles:read');
      const [made] = await store.find([name]);
      const role = builtIn(name) ?? (made && toRole(made));
      if (!role) throw new DomainError('role_not_found');
      return role;
    },
    async create(operator, { name, ...content }) {
      requirePermission(operator, 'roles:write');
      if (!ROLE_NAME.test(name))
        refuse(
          'name',
          'must be 1 to 64 lower-case letters, digits and _.:-, with a letter or digit at both ends',
        );
      const role = { description: '', permissions: [], scopes: {}, ...(await parse(content)) };
      mayGive(operator, role.permissions.filter(isPermission));
      return inTransaction(async (tx) => {
        const created = builtIn(name) ? null : await store.create({ name, ...role }, tx);
        if (!created) throw new DomainError('role_taken', { field: 'name' });
        await audit.record(
          { type: 'role.created', details: { role: name, after: role } },
          operator.actor,
          tx,
        );
        return toRole(created);
      });
    },
    async update(operator, name, changes, expected) {
      requirePermission(operator, 'roles:write');
      const parsed = await parse(changes);
      mayGive(operator, (parsed.permissions ?? []).filter(isPermission));
      return inTransaction(async (tx) => {
        const before = await lockManageable(operator, name, expected, tx);
        const changed = changesOf(before, parsed);
        if (!changed) return toRole(before);
        const after = await store.update(name, parsed, tx);
        await audit.record({ type: 'role.updated', details: { role: name, ...changed } }, operator.actor, tx);
        return toRole(after);
      });
    },
    async remove(operator, name, expected) {
      requirePermission(operator, 'roles:write');
      await inTransaction(async (tx) => {
        const role = await lockManageable(operator, name, expected, tx);
        if (PERMANENT_ROLES.has(name) || (await store.isUsed(name, tx))) throw new DomainError('in_use');
        await store.delete(name, tx);
        await audit.record(
          { type: 'role.deleted', details: { role: name, before: { permissions: role.permissions } } },
          operator.actor,
          tx,
        );
      });
    },
    async checkNames(names, tx, field = 'roles') {
      const made = names.filter((name) => !builtIn(name));
      const found = new Set((await store.find(made, tx)).map(({ name }) => name));
      const missing = made.find((name) => !found.has(name));
      if (missing !== undefined) refuse(field, misnamed('role', missing, Object.keys(BUILT_IN_ROLES)));
    },
  };
}
