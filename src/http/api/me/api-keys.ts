import { operation } from '../operation.ts';
import { keyOf } from '../items.ts';
import * as schemas from './schemas.ts';

/** The account's own API keys. They are made at the contract that takes them. */
export const apiKeys = [
  operation({
    id: 'getApiKeys',
    method: 'get',
    path: '/me/api-keys',
    summary: 'The API keys of programs that act for the account, newest first',
    scope: 'me:apps:read',
    replies: { 200: schemas.ApiKeys },
    async handle({ user, services }) {
      const keys = await services.apiKeys.list(user.id);
      return { status: 200, body: { api_keys: keys.map(keyOf) } };
    },
  }),
  operation({
    id: 'revokeApiKey',
    method: 'delete',
    path: '/me/api-keys/{id}',
    params: schemas.apiKeyId,
    summary: 'Revoke an API key: it ends at once',
    scope: 'me:apps:write',
    replies: { 204: null },
    refusals: [404],
    async handle({ user, params, actor, services }) {
      await services.apiKeys.revoke(params['id'] ?? '', user.id, actor);
      return { status: 204 };
    },
  }),
];
