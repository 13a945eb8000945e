import { z } from 'zod';
import { type ApiKey as Key, PROGRAM_PERMISSIONS, ACCOUNT_PERMISSIONS } from '../../../domain/api-keys.ts';
import type { RegistrationTokenRecord } from '../../../domain/registration-tokens.ts';
import { NAME_FORM } from '../../../domain/identifiers.ts';
import { issuedSecret, text } from '../../endpoints/text.ts';
import { managed } from '../operation.ts';
import { pageOf } from './presenters.ts';
import { listOf, moment, page } from './schemas.ts';

const ApiKey = z.strictObject({
  id: z.uuid(),
  prefix: z.string().describe('The first characters of the key'),
  name: z.string(),
  permissions: z.array(z.string()).describe('Permissions at the contracts'),
  account_id: z.string().nullable().describe('The account that it acts for; null for the key of a program'),
  created_at: moment,
  expires_at: moment.nullable(),
  last_used_at: moment.nullable(),
});
const ApiKeyPage = z.strictObject({
  account: z.uuid().optional().describe('The id of an account'),
  kind: z.enum(['program', 'account']).optional().describe('Keys of programs, or of accounts'),
  ...page(['created_at']),
});
const end = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value))
  .describe('In the future');
const NewApiKey = z.strictObject({
  name: text('The name of the program', NAME_FORM),
  permissions: z
    .array(z.enum([...PROGRAM_PERMISSIONS, ...ACCOUNT_PERMISSIONS] as [string, ...string[]]))
    .max(10)
    .optional()
    .describe(
      `${PROGRAM_PERMISSIONS.join(', ')} for a program; ${ACCOUNT_PERMISSIONS.join(', ')} for an account; default: all`,
    ),
  account_id: z.uuid().nullable().optional().describe('The id of the account that it acts for'),
  expires_at: end.nullable().optional(),
});
const ApiKeyChanges = NewApiKey.omit({ account_id: true }).partial();
const MadeApiKey = ApiKey.extend({
  api_key: issuedSecret('The key, shown only once'),
});

const apiKeyOf = (key: Key): z.infer<typeof ApiKey> => ({
  id: key.id,
  prefix: key.prefix,
  name: key.name,
  permissions: key.permissions,
  account_id: key.accountId,
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
});

/** API keys of programs that use contracts, and those that people created for themselves. */
export const apiKeys = [
  managed({
    id: 'listApiKeys',
    method: 'get',
    path: '/api-keys',
    summary: 'List the API keys of programs and accounts, newest first',
    scope: 'api-keys:read',
    query: ApiKeyPage,
    replies: { 200: listOf(ApiKey) },
    async handle({ operator, query: { account, kind, sort, ...rest }, services }) {
      const filters = { account, kind };
      const found = await services.apiKeyAdmin.list(operator, { filters, ...rest, ...(sort && { sort }) });
      return { status: 200, body: pageOf(found, apiKeyOf) };
    },
  }),
  managed({
    id: 'createManagedApiKey',
    method: 'post',
    path: '/api-keys',
    summary: 'Create an API key; it cannot have more permissions than you',
    scope: 'api-keys:write',
    fresh: true,
    body: NewApiKey,
    replies: { 201: MadeApiKey },
    refusals: [404],
    async handle({ operator, body, services }) {
      const { key, record } = await services.apiKeyAdmin.create(operator, {
        name: body.name,
        permissions: body.permissions,
        accountId: body.account_id ?? undefined,
        expiresAt: body.expires_at,
      });
      return {
        status: 201,
        body: { ...apiKeyOf(record), api_key: key },
        headers: { Location: `/api/v2/api-keys/${record.id}` },
      };
    },
  }),
  managed({
    id: 'getManagedApiKey',
    method: 'get',
    path: '/api-keys/{id}',
    params: { id: text('The id of the key') },
    summary: 'Get an API key, without the key itself',
    scope: 'api-keys:read',
    replies: { 200: ApiKey },
    refusals: [404],
    async handle({ operator, params, services }) {
      return { status: 200, body: apiKeyOf(await services.apiKeyAdmin.find(operator, params['id'] ?? '')) };
    },
  }),
  managed({
    id: 'updateManagedApiKey',
    method: 'patch',
    path: '/api-keys/{id}',
    params: { id: text('The id of the key') },
    summary: 'Change the name, the permissions or the expiry of an API key; the key itself stays the same',
    scope: 'api-keys:write',
    fresh: true,
    body: ApiKeyChanges,
    replies: { 200: ApiKey },
    refusals: [404],
    async handle({ operator, params, body, services }) {
      const { expires_at: expiresAt, ...changes } = body;
      const key = await services.apiKeyAdmin.update(operator, params['id'] ?? '', { ...changes, expiresAt });
      return { status: 200, body: apiKeyOf(key) };
    },
  }),
  managed({
    id: 'revokeManagedApiKey',
    method: 'delete',
    path: '/api-keys/{id}',
    params: { id: text('The id of the key') },
    summary: 'Revoke an API key, everywhere at once',
    scope: 'api-keys:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404],
    async handle({ operator, params, services }) {
      await services.apiKeyAdmin.revoke(operator, params['id'] ?? '');
      return { status: 204 };
    },
  }),
];

const RegistrationToken = z.strictObject({
  id: z.string(),
  policy: z.string().describe('The policy for clients that it registers'),
  created_at: moment,
  expires_at: moment,
});
const NewRegistrationToken = z.strictObject({
  policy: text('The name of a policy in the configuration').default('default'),
  expires_at: end,
});

const registrationTokenOf = (token: RegistrationTokenRecord): z.infer<typeof RegistrationToken> => ({
  id: token.id,
  policy: token.policy,
  created_at: token.createdAt.toISOString(),
  expires_at: token.expiresAt.toISOString(),
});

/** Initial access tokens, for clients that register themselves (RFC 7591 section 3). */
export const registrationTokens = [
  managed({
    id: 'listRegistrationTokens',
    method: 'get',
    path: '/registration-tokens',
    summary: 'List the valid registration tokens, newest first',
    scope: 'registration-tokens:read',
    replies: { 200: listOf(RegistrationToken) },
    async handle({ operator, services }) {
      const all = await services.registrationTokenAdmin.list(operator);
      return { status: 200, body: { items: all.map(registrationTokenOf), next_cursor: null } };
    },
  }),
  managed({
    id: 'getRegistrationToken',
    method: 'get',
    path: '/registration-tokens/{id}',
    params: { id: text('The id of the token') },
    summary: 'Get a registration token, without the token itself',
    scope: 'registration-tokens:read',
    replies: { 200: RegistrationToken },
    refusals: [404],
    async handle({ operator, params, services }) {
      const found = await services.registrationTokenAdmin.find(operator, params['id'] ?? '');
      return { status: 200, body: registrationTokenOf(found) };
    },
  }),
  managed({
    id: 'createRegistrationToken',
    method: 'post',
    path: '/registration-tokens',
    summary: 'Create a token that registers clients under a policy',
    scope: 'registration-tokens:write',
    fresh: true,
    body: NewRegistrationToken,
    replies: {
      201: RegistrationToken.extend({
        token: issuedSecret('The token, shown only once'),
      }),
    },
    async handle({ operator, body, services }) {
      const { token, record } = await services.registrationTokenAdmin.create(operator, {
        policy: body.policy,
        expiresAt: body.expires_at,
      });
      return {
        status: 201,
        body: { ...registrationTokenOf(record), token },
        headers: { Location: `/api/v2/registration-tokens/${record.id}` },
      };
    },
  }),
  managed({
    id: 'revokeRegistrationToken',
    method: 'delete',
    path: '/registration-tokens/{id}',
    params: { id: text('The id of the token') },
    summary: 'Revoke a registration token; clients registered with it are kept',
    scope: 'registration-tokens:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404],
    async handle({ operator, params, services }) {
      await services.registrationTokenAdmin.revoke(operator, params['id'] ?? '');
      return { status: 204 };
    },
  }),
];
