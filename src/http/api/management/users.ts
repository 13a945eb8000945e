import type { z } from 'zod';
import { changesFromClaims } from '../../../domain/users/profile-fields.ts';
import { type ApiServices, managed, type OperatorCall } from '../operation.ts';
import { originOf } from '../items.ts';
import { groupOf, pageOf, resource, userOf } from './presenters.ts';
import * as schemas from './schemas.ts';
import { USER_EXPORT_TYPES, userLines } from './user-lines.ts';

/** Maximum of a count. Longer lists are for filters. */
const MAX_COUNT = 1_000;

/** The account in the path. */
export const idOf = ({ params }: Pick<OperatorCall<unknown, unknown>, 'params'>): string =>
  params['id'] ?? '';

/** The current state of the account in the path, for a 412 reply. */
export const asItIs = async (call: OperatorCall<unknown, unknown>) =>
  userOf(await call.services.people.find(call.operator, idOf(call)), call.services);

const filtersOf = (
  named: schemas.UserFilters & Record<string, unknown>,
  { attributes }: Pick<ApiServices, 'attributes'>,
) => {
  const containing = schemas
    .attributeFilters(named)
    .map(([name, texts]) => attributes.containing(name, texts, 'operator'));
  return {
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
    attributes: containing.length > 0 ? containing : undefined,
  };
};

/** The profile fields of a body. */
const profileFrom = ({
  username,
  address,
  attributes: values,
  ...claims
}: z.output<typeof schemas.UserChanges>) => ({
  username,
  address,
  attributes: values && { by: 'operator' as const, values },
  ...changesFromClaims(claims),
});

/** Accounts. */
export const users = [
  managed({
    id: 'listUsers',
    method: 'get',
    path: '/users',
    summary: 'List accounts, newest first unless sorted',
    scope: 'users:read',
    query: schemas.UserPage,
    replies: { 200: schemas.Users },
    async handle({ operator, query, services }) {
      const { sort, limit, cursor, count, ...named } = query;
      const filters = filtersOf(named, services);
      const page = await services.people.list(operator, { filters, limit, cursor, ...(sort && { sort }) });
      const found = count ? await services.people.count(operator, filters, MAX_COUNT + 1) : undefined;
      const counted =
        found === undefined ? {} : { count: Math.min(found, MAX_COUNT), count_capped: found > MAX_COUNT };
      return { status: 200, body: { ...pageOf(page, (user) => userOf(user, services)), ...counted } };
    },
  }),
  managed({
    id: 'createUser',
    method: 'post',
    path: '/users',
    summary: 'Create an account, with or without a password; `invite` mails a link to choose one',
    scope: 'users:write',
    body: schemas.NewUser,
    replies: { 201: schemas.User },
    refusals: [409],
    async handle({ operator, body, locale, services }) {
      const { email, email_verified: emailVerified, password, roles, invite, ...profile } = body;
      const account = { ...profileFrom(profile), email, emailVerified, password, roles, invite };
      const user = userOf(await services.managedAccounts.create(operator, account, { locale }), services);
      return resource(201, user, `/api/v2/users/${user.id}`);
    },
  }),
  managed({
    id: 'exportUsers',
    method: 'get',
    path: '/users/export',
    summary: 'Export all matching accounts, oldest first, as a stream; recorded in the audit',
    scope: 'users:export',
    query: schemas.UserExport,
    replies: {},
    streams: Object.values(USER_EXPORT_TYPES),
    async handle({ operator, query, services }) {
      const { format, ...named } = query;
      const found = await services.people.export(operator, filtersOf(named, services), format);
      return {
        status: 200,
        stream: { type: USER_EXPORT_TYPES[format], chunks: userLines(format, found, services) },
        headers: { 'Content-Disposition': `attachment; filename="users.${format}"` },
      };
    },
  }),
  managed({
    id: 'getUser',
    method: 'get',
    path: '/users/{id}',
    params: schemas.userId,
    summary: 'Get an account',
    scope: 'users:read',
    replies: { 200: schemas.UserWithOrigins },
    refusals: [404],
    async handle(call) {
      const user = await asItIs(call);
      const origins = await call.services.findOrigins(user.id);
      const locked = await call.services.managedAccounts.lockedUntil(call.operator, user.id);
      return resource(200, {
        ...user,
        origins: origins.map(originOf),
        locked_until: locked?.toISOString() ?? null,
      });
    },
  }),
  managed({
    id: 'updateUser',
    method: 'patch',
    path: '/users/{id}',
    params: schemas.userId,
    summary: 'Change an account (RFC 7396); `deletes_at: null` cancels its deletion',
    scope: 'users:write',
    body: schemas.UserChanges,
    replies: { 200: schemas.User },
    refusals: [404, 409, 412],
    async handle(call) {
      const { operator, body, expected, services } = call;
      const { email, email_verified: emailVerified, deletes_at: deletesAt, ...profile } = body;
      const changes = { ...profileFrom(profile), email, emailVerified, deletesAt };
      return resource(
        200,
        userOf(await services.managedAccounts.update(operator, idOf(call), changes, expected), services),
      );
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteUser',
    method: 'delete',
    path: '/users/{id}',
    params: schemas.userId,
    summary: 'Delete an account and all its data, at once or after some days; until then it is suspended',
    scope: 'users:delete',
    fresh: true,
    query: schemas.Deletion,
    replies: { 202: schemas.DeletionDue, 204: null },
    refusals: [404, 409, 412],
    async handle(call) {
      const { operator, query, expected, services } = call;
      const { after_days: afterDays, reason } = query;
      const options = { afterDays, expected, reason };
      const left = await services.managedAccounts.remove(operator, idOf(call), options);
      if (!left) return { status: 204 };
      return { status: 202, body: { deletes_at: left.deletesAt?.toISOString() } };
    },
    current: asItIs,
  }),
  managed({
    id: 'getUserRoles',
    method: 'get',
    path: '/users/{id}/roles',
    params: schemas.userId,
    summary: 'List the roles assigned directly to an account',
    scope: 'roles:read',
    replies: { 200: schemas.RoleNames },
    refusals: [404],
    async handle(call) {
      const { roles } = await call.services.assignments.rolesOf(call.operator, idOf(call));
      return { status: 200, body: { roles } };
    },
  }),
  managed({
    id: 'setUserRoles',
    method: 'put',
    path: '/users/{id}/roles',
    params: schemas.userId,
    summary: 'Replace the directly assigned roles; ends its logins at contracts, and with `admin` all logins',
    scope: 'roles:write',
    fresh: true,
    body: schemas.RoleNames,
    replies: { 200: schemas.RoleNames },
    refusals: [404, 409, 412],
    async handle(call) {
      const { operator, body, expected, services } = call;
      const user = await services.assignments.setRoles(operator, idOf(call), body.roles, expected);
      return { status: 200, body: { roles: user.roles } };
    },
    current: asItIs,
  }),
  managed({
    id: 'listUserGroups',
    method: 'get',
    path: '/users/{id}/groups',
    params: schemas.userId,
    summary: 'List the groups of an account',
    scope: 'groups:read',
    query: schemas.MemberPage,
    replies: { 200: schemas.Groups },
    refusals: [404],
    async handle(call) {
      const page = await call.services.groups.listOf(call.operator, idOf(call), call.query);
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
    async handle(call) {
      await call.services.groups.setOf(call.operator, idOf(call), call.body.groups);
      return { status: 204 };
    },
  }),
];
