import { changesFromClaims } from '../../../domain/users/profile-fields.ts';
import { operation } from '../operation.ts';
import { Profile, ProfileChanges, profileOf } from '../profile.ts';

export const profile = [
  operation({
    id: 'getMe',
    method: 'get',
    path: '/me',
    summary: 'Get the account',
    scope: 'me:profile:read',
    replies: { 200: Profile },
    handle: async ({ user, claims, services }) => ({
      status: 200,
      body: profileOf(user, claims.sub, services.attributes.shown(user.attributes, 'person')),
    }),
  }),
  operation({
    id: 'updateMe',
    method: 'patch',
    path: '/me',
    summary: 'Change names, username, language and other profile fields',
    scope: 'me:profile:write',
    body: ProfileChanges,
    replies: { 200: Profile },
    refusals: [409],
    async handle({ user, claims, body, actor, services }) {
      const { username, address, attributes: values } = body;
      const attributes = values && { by: 'person' as const, values };
      const changes = { username, address, attributes, ...changesFromClaims(body) };
      const changed = await services.accounts.update(user.id, changes, actor);
      const shown = services.attributes.shown(changed.attributes, 'person');
      return { status: 200, body: profileOf(changed, claims.sub, shown) };
    },
  }),
  operation({
    id: 'deleteMe',
    method: 'delete',
    path: '/me',
    summary: 'Delete the account and all its data',
    scope: 'me:delete',
    fresh: true,
    replies: { 204: null },
    refusals: [409],
    async handle({ user, actor, services }) {
      await services.accounts.remove(user.id, actor);
      return { status: 204 };
    },
  }),
];
