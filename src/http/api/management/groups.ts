import { managed, type OperatorCall } from '../operation.ts';
import { groupOf, pageOf, resource } from './presenters.ts';
import * as schemas from './schemas.ts';

const asItIs = async ({ operator, params, services }: OperatorCall<unknown, unknown>) =>
  groupOf(await services.groups.find(operator, params['id'] ?? ''));

/** Groups and their members. */
export const groups = [
  managed({
    id: 'listGroups',
    method: 'get',
    path: '/groups',
    summary: 'List groups, by name unless sorted',
    scope: 'groups:read',
    query: schemas.GroupPage,
    replies: { 200: schemas.Groups },
    async handle({ operator, query: { sort, limit, cursor, ...filters }, services }) {
      const page = await services.groups.list(operator, { filters, limit, cursor, ...(sort && { sort }) });
      return { status: 200, body: pageOf(page, groupOf) };
    },
  }),
  managed({
    id: 'createGroup',
    method: 'post',
    path: '/groups',
    summary: 'Create a group; its members get its roles',
    scope: 'groups:write',
    fresh: true,
    body: schemas.NewGroup,
    replies: { 201: schemas.Group },
    refusals: [409],
    async handle({ operator, body, services }) {
      const group = groupOf(await services.groups.create(operator, body));
      return resource(201, group, `/api/v2/groups/${group.id}`);
    },
  }),
  managed({
    id: 'getGroup',
    method: 'get',
    path: '/groups/{id}',
    params: schemas.groupId,
    summary: 'A group',
    scope: 'groups:read',
    replies: { 200: schemas.Group },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateGroup',
    method: 'patch',
    path: '/groups/{id}',
    params: schemas.groupId,
    summary: 'Change a group; changed roles apply to its members at once',
    scope: 'groups:write',
    fresh: true,
    body: schemas.GroupChanges,
    replies: { 200: schemas.Group },
    refusals: [404, 409, 412],
    async handle({ operator, params, body, expected, services }) {
      return resource(
        200,
        groupOf(await services.groups.update(operator, params['id'] ?? '', body, expected)),
      );
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteGroup',
    method: 'delete',
    path: '/groups/{id}',
    params: schemas.groupId,
    summary: 'Delete a group; its members lose its roles',
    scope: 'groups:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409, 412],
    async handle({ operator, params, expected, services }) {
      await services.groups.remove(operator, params['id'] ?? '', expected);
      return { status: 204 };
    },
    current: asItIs,
  }),
  managed({
    id: 'listMembers',
    method: 'get',
    path: '/groups/{id}/members',
    params: schemas.groupId,
    summary: 'List the members of a group',
    scope: 'groups:read',
    query: schemas.MemberPage,
    replies: { 200: schemas.Members },
    refusals: [404],
    async handle({ operator, params, query, services }) {
      const page = await services.groups.members(operator, params['id'] ?? '', query);
      return { status: 200, body: pageOf(page, (member) => member) };
    },
  }),
  managed({
    id: 'addMember',
    method: 'put',
    path: '/groups/{id}/members/{uid}',
    params: schemas.memberIds,
    summary: 'Add an account to a group; it gets the roles of the group',
    scope: 'groups:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404],
    async handle({ operator, params, services }) {
      await services.groups.add(operator, params['id'] ?? '', params['uid'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'removeMember',
    method: 'delete',
    path: '/groups/{id}/members/{uid}',
    params: schemas.memberIds,
    summary: 'Remove an account from a group; it loses the roles of the group',
    scope: 'groups:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle({ operator, params, services }) {
      await services.groups.removeMember(operator, params['id'] ?? '', params['uid'] ?? '');
      return { status: 204 };
    },
  }),
];
