import type { z } from 'zod';
import type { ScimToken } from '../../../domain/scim/tokens.ts';
import { managed } from '../operation.ts';
import * as schemas from './schemas.ts';

const shown = ({
  id,
  name,
  createdAt,
  expiresAt,
  lastUsedAt,
}: ScimToken): z.infer<typeof schemas.ScimToken> => ({
  id,
  name,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt?.toISOString() ?? null,
  last_used_at: lastUsedAt?.toISOString() ?? null,
});

/** Tokens that directories authenticate with. */
export const scimTokens = [
  managed({
    id: 'listScimTokens',
    method: 'get',
    path: '/scim-tokens',
    summary: 'List the SCIM tokens, newest first',
    scope: 'scim:write',
    replies: { 200: schemas.ScimTokens },
    async handle({ operator, services }) {
      const all = await services.scimTokens.list(operator);
      return { status: 200, body: { items: all.map(shown), next_cursor: null } };
    },
  }),
  managed({
    id: 'createScimToken',
    method: 'post',
    path: '/scim-tokens',
    summary:
      'Create a SCIM token; only two are valid at a time: with a third, the least recently used one ends in a day',
    scope: 'scim:write',
    fresh: true,
    body: schemas.NewScimToken,
    replies: { 201: schemas.MadeScimToken },
    async handle({ operator, body = {}, services }) {
      const { token, record } = await services.scimTokens.create(operator, {
        name: body.name,
        expiresAt: body.expires_at,
      });
      return {
        status: 201,
        body: { ...shown(record), token },
        headers: { Location: `/api/v2/scim-tokens/${record.id}` },
      };
    },
  }),
  managed({
    id: 'deleteScimToken',
    method: 'delete',
    path: '/scim-tokens/{id}',
    params: schemas.scimTokenId,
    summary: 'Delete a SCIM token; it ends at once',
    scope: 'scim:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404],
    async handle({ operator, params, services }) {
      await services.scimTokens.remove(operator, params['id'] ?? '');
      return { status: 204 };
    },
  }),
];
