import { managed, type OperatorCall } from '../operation.ts';
import { groupOf, pageOf, resource, userOf } from './presenters.ts';
import * as schemas from './schemas.ts';

/** Where counting ends: a longer list is looked through by filters. */
const MOST_COUNTED = 1_000;

const asItIs = async ({ operator, params, services }: OperatorCall<unknown, unknown>) =>
  userOf(await services.people.find(operator, params['id'] ?? ''), services);

/** Accounts. */
export const users = [
  managed({
    id: 'listUsers',
    method: 'get',
    path: '/users',
    summary: 'Accounts, the newest first unless sorted',
    scope: 'users:read',
    query: schemas.UserPage,
    replies: { 200: schemas.Users },
    async handle({ operator, query, services }) {
      const { sort, limit, cursor, count, ...named } = query;
      const attributes = schemas
        .attributeFilters(named)
        .map(([name, texts]) => services.attributes.containing(name, texts, 'operator'));
      const filters = {
        search: named.search,
        status: named.status,
        role: named.role,
        group: named.group,
        factor: named.factor,
        emailVerified: named.email_verified,
        door: named.door,
        createdAfter: named.created_after,
        createdBefore: named.created_before,
        lastLoginAfter: named.last_login_after,
        lastLoginBefore: named.last_login_before,
        attributes: attributes.length > 0 ? attributes : undefined,
      };
      const page = await services.people.list(operator, { filters, limit, cursor, ...(sort && { sort }) });
      const found = count ? await services.people.count(operator, filters, MOST_COUNTED + 1) : undefined;
      const counted =
        found === undefined
          ? {}
          : { count: Math.min(found, MOST_COUNTED), count_capped: found > MOST_COUNTED };
      return { status: 200, body: { ...pageOf(page, (user) => userOf(user, services)), ...counted } };
    },
  }),
  managed({
    id: 'getUser',
    method: 'get',
    path: '/users/{id}',
    params: schemas.userId,
    summary: 'An account',
    scope: 'users:read',
    replies: { 200: schemas.User },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'setUserRoles',
    method: 'put',
    path: '/users/{id}/roles',
    params: schemas.userId,
    summary:
      'Replace the roles that an account has by itself; its logins at contracts end, and with `admin` all',
    scope: 'roles:write',
    fresh: true,
    body: schemas.RoleNames,
    replies: { 200: schemas.RoleNames },
    refusals: [404, 409, 412],
    async handle({ operator, params, body, expected, services }) {
      const user = await services.assignments.setRoles(operator, params['id'] ?? '', body.roles, expected);
      return { status: 200, body: { roles: user.roles } };
    },
    current: asItIs,
  }),
  managed({
    id: 'listUserGroups',
    method: 'get',
    path: '/users/{id}/groups',
    params: schemas.userId,
    summary: 'The groups of an account',
    scope: 'groups:read',
    query: schemas.MemberPage,
    replies: { 200: schemas.Groups },
    refusals: [404],
    async handle({ operator, params, query, services }) {
      const page = await services.groups.listOf(operator, params['id'] ?? '', query);
      return { status: 200, body: pageOf(page, groupOf) };
    },
  }),
  managed({
    id: 'setUserGroups',
    method: 'put',
    path: '/users/{id}/groups',
    params: schemas.userId,
    summary: 'Replace the groups of an account',
    scope: 'groups:write',
    fresh: true,
    body: schemas.GroupIds,
    replies: { 204: null },
    refusals: [404, 409],
    async handle({ operator, params, body, services }) {
      await services.groups.setOf(operator, params['id'] ?? '', body.groups);
      return { status: 204 };
    },
  }),
];
