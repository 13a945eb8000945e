import { callingUser, DomainError, type Operation, operation, recentUser } from '../door.ts';
import { presentKey } from './presenters.ts';
import * as schemas from './schemas.ts';

/** A time with or without a zone; without one it is UTC, as are all times of this document. */
function parseTime(value: string | undefined): Date | null {
  if (value === undefined) return null;
  const at = new Date(/(?:Z|[+-]\d\d:\d\d)$/i.test(value) ? value : `${value}Z`);
  if (Number.isNaN(at.getTime()))
    throw new DomainError('invalid_request', { field: 'expires_at', reason: 'not a time' });
  return at;
}

const list = operation({
  id: 'listApiKeys',
  method: 'get',
  path: '/auth/api-keys',
  summary: "List one's API keys.",
  auth: 'bearerOrApiKey',
  permission: 'api-keys:read',
  limit: 'ordinary',
  replies: { 200: schemas.ApiKeyListResponse },
  refusals: [401, 403],
  async handle({ caller, services }) {
    const { id } = await callingUser(services, caller);
    return { status: 200, body: (await services.apiKeys.list(id)).map(presentKey) };
  },
});

const create = operation({
  id: 'createApiKey',
  method: 'post',
  path: '/auth/api-keys',
  summary: 'Make an API key; it is shown this once.',
  // A key cannot create keys: otherwise a leaked key could outlive its revocation.
  auth: 'bearer',
  limit: 'ordinary',
  body: schemas.ApiKeyRequest,
  replies: { 201: schemas.NewApiKeyResponse },
  refusals: [400, 401, 403],
  async handle({ caller, body, actor, services }) {
    const { id: accountId } = await recentUser(services, caller);
    const { key, record } = await services.apiKeys.create(
      {
        name: body.name,
        permissions: body.permissions,
        accountId,
        expiresAt: parseTime(body.expires_at),
      },
      actor,
    );
    return { status: 201, body: { ...presentKey(record), api_key: key } };
  },
});

const revoke = operation({
  id: 'revokeApiKey',
  method: 'delete',
  path: '/auth/api-keys/{key_id}',
  summary: "Revoke one of one's API keys.",
  auth: 'bearer',
  limit: 'ordinary',
  params: schemas.keyId,
  replies: { 200: schemas.ApiKeyDeletedResponse },
  refusals: [401, 404],
  async handle({ caller, params, actor, services }) {
    const { id: accountId } = await callingUser(services, caller);
    await services.apiKeys.revoke(params['key_id'] ?? '', accountId, actor);
    return { status: 200, body: { message: 'API key revoked' } };
  },
});

export const apiKeyOperations: Operation[] = [list, create, revoke];
