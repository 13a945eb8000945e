import { PERMISSIONS, ALL_PERMISSIONS, withIncluded } from '../../../domain/operators/permissions.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { resource, roleChanges, roleOf } from './presenters.ts';
import * as schemas from './schemas.ts';

const asItIs = async ({ operator, params, services }: OperatorCall<unknown, unknown>) =>
  roleOf(await services.roles.find(operator, params['name'] ?? ''));

/** Roles and their permissions. */
export const roles = [
  managed({
    id: 'listPermissions',
    method: 'get',
    path: '/permissions',
    summary: 'List the permissions that roles and tokens can have',
    scope: null,
    replies: { 200: schemas.Permissions },
    async handle() {
      const items = ALL_PERMISSIONS.map((name) => ({
        name,
        description: PERMISSIONS[name],
        includes: [...withIncluded([name])].filter((other) => other !== name),
      }));
      return { status: 200, body: { items, next_cursor: null } };
    },
  }),
  managed({
    id: 'getCaller',
    method: 'get',
    path: '/caller',
    summary: 'Get the caller and their permissions',
    scope: null,
    replies: { 200: schemas.Caller },
    async handle({ operator: { actor, permissions } }) {
      return { status: 200, body: { kind: actor.kind, id: actor.id, permissions: [...permissions].sort() } };
    },
  }),
  managed({
    id: 'listRoles',
    method: 'get',
    path: '/roles',
    summary: 'List roles, built-in ones first',
    scope: 'roles:read',
    replies: { 200: schemas.Roles },
    async handle({ operator, services }) {
      const items = (await services.roles.list(operator)).map(roleOf);
      return { status: 200, body: { items, next_cursor: null } };
    },
  }),
  managed({
    id: 'createRole',
    method: 'post',
    path: '/roles',
    summary: 'Create a role with permissions that you have yourself, and scopes',
    scope: 'roles:write',
    fresh: true,
    body: schemas.NewRole,
    replies: { 201: schemas.Role },
    refusals: [409],
    async handle({ operator, body, services }) {
      const role = roleOf(await services.roles.create(operator, roleChanges(body)));
      return resource(201, role, `/api/v2/roles/${role.name}`);
    },
  }),
  managed({
    id: 'getRole',
    method: 'get',
    path: '/roles/{name}',
    params: schemas.roleName,
    summary: 'A role',
    scope: 'roles:read',
    replies: { 200: schemas.Role },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateRole',
    method: 'patch',
    path: '/roles/{name}',
    params: schemas.roleName,
    summary: 'Change a role; the change applies from the next request on',
    scope: 'roles:write',
    fresh: true,
    body: schemas.RoleChanges,
    replies: { 200: schemas.Role },
    refusals: [404, 409, 412],
    async handle({ operator, params, body, expected, services }) {
      const changed = await services.roles.update(
        operator,
        params['name'] ?? '',
        roleChanges(body),
        expected,
      );
      return resource(200, roleOf(changed));
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteRole',
    method: 'delete',
    path: '/roles/{name}',
    params: schemas.roleName,
    summary: 'Delete a role that nobody has',
    scope: 'roles:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409, 412],
    async handle({ operator, params, expected, services }) {
      await services.roles.remove(operator, params['name'] ?? '', expected);
      return { status: 204 };
    },
    current: asItIs,
  }),
];
