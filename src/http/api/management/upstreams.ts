import { z } from 'zod';
import {
  type Linked,
  type ManagedUpstream,
  MAX_LINKED,
  type UpstreamChanges as Changes,
} from '../../../domain/upstream-admin.ts';
import { text } from '../../endpoints/text.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { limit } from '../lists.ts';
import { pageOf, resource } from './presenters.ts';
import { listOf, page, version } from './schemas.ts';

/** A single line of text that does not begin with a space. */
const LINE = /^\S\P{Cc}*$/u;
const line = (description: string, maxLength: number, example: string) =>
  text(description, { pattern: LINE.source, maxLength, examples: [example] })
    .max(maxLength)
    .regex(LINE);

const url = text('An https URL, or http where the configuration allows it', {
  pattern: '^https?://',
  examples: ['https://accounts.example.com'],
});
const endpoints = { authorization: url, token: url, userinfo: url };
const claimName = line('Its name for the claim', 200, 'sub');
const claims = {
  subject: claimName,
  email: claimName,
  email_verified: claimName,
  name: claimName,
  username: claimName,
};
const ID = /^[a-z0-9-]{1,40}$/;

const Upstream = z.strictObject({
  id: z.string(),
  name: z.string(),
  issuer: z.string().nullable().describe('Issuer of an OpenID Provider'),
  endpoints: z
    .strictObject({ authorization: z.string(), token: z.string(), userinfo: z.string() })
    .nullable()
    .describe('Endpoints of a service with OAuth 2.0 only'),
  claims: z.strictObject({
    subject: z.string(),
    email: z.string(),
    email_verified: z.string(),
    name: z.string(),
    username: z.string(),
  }),
  client_id: z.string(),
  scopes: z.array(z.string()).nullable().describe('null for the defaults'),
  logo: z.string().nullable(),
  trust_email: z.boolean().describe('Whether an address that it calls verified counts as verified here'),
  enabled: z.boolean(),
  source: z
    .enum(['configuration', 'database'])
    .describe('Providers in the configuration can only be changed there'),
  redirect_uri: z.string().describe('The redirect URI to register there'),
  linked: z.int().describe(`Number of linked accounts, at most ${MAX_LINKED}`),
  linked_capped: z.boolean().describe('Whether there may be more'),
  version,
});

const UpstreamChanges = z.strictObject({
  name: line('1 to 60 characters', 60, 'Example').optional(),
  issuer: url.nullable().optional(),
  endpoints: z.strictObject(endpoints).nullable().optional(),
  claims: z.strictObject(claims).partial().nullable().optional(),
  client_id: line('The client_id of this service there', 500, 'postern').optional(),
  client_secret: line('The secret of this service there; never shown', 2_000, 's3cr3t').optional(),
  scopes: z
    .array(line('A scope', 200, 'openid'))
    .max(50)
    .nullable()
    .optional(),
  logo: line('An https URL, or a file in views/assets', 2_000, 'github.svg').nullable().optional(),
  trust_email: z.boolean().optional(),
  enabled: z.boolean().optional().describe('A disabled provider need not be reachable yet'),
});
const NewUpstream = UpstreamChanges.extend({
  id: z.string().meta({ description: 'a-z, 0-9 and -', pattern: ID.source, examples: ['github'] }),
  name: UpstreamChanges.shape.name.unwrap(),
  client_id: UpstreamChanges.shape.client_id.unwrap(),
  client_secret: UpstreamChanges.shape.client_secret.unwrap(),
});
const Test = z.strictObject({
  ok: z.boolean(),
  code: z.enum(['upstream_unavailable', 'upstream_failed']).nullable(),
  detail: z.string().nullable().describe('What is wrong with its discovery document'),
});

const LinkedUser = z.strictObject({
  id: z.uuid().describe('The id of the account'),
  email: z.string(),
  name: z.string().nullable(),
  subject: z.string().describe('The subject at the provider'),
  label: z.string().nullable().describe('The name at the provider'),
  since: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
});
const linkedOf = ({ createdAt, lastUsedAt, ...same }: Linked): z.infer<typeof LinkedUser> => ({
  ...same,
  since: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
});

const upstreamId = { id: text('The id of the provider') };

const changesOf = ({
  claims: named,
  client_id: clientId,
  client_secret: clientSecret,
  trust_email: trustEmail,
  ...same
}: z.infer<typeof UpstreamChanges>): Changes => ({
  ...same,
  ...(named && {
    claims: {
      ...without('email_verified', named),
      ...(named.email_verified === undefined ? {} : { emailVerified: named.email_verified }),
    },
  }),
  ...(clientId === undefined ? {} : { clientId }),
  ...(clientSecret === undefined ? {} : { clientSecret }),
  ...(trustEmail === undefined ? {} : { trustEmail }),
});

function without<T extends object, K extends keyof T>(key: K, { [key]: _left, ...rest }: T): Omit<T, K> {
  return rest;
}

/** @param base the base URL of the callback. */
const upstreamOf = (one: ManagedUpstream, base: string): z.infer<typeof Upstream> => ({
  id: one.id,
  name: one.name,
  issuer: one.issuer ?? null,
  endpoints: one.endpoints ?? null,
  claims: {
    subject: one.claims.subject,
    email: one.claims.email,
    email_verified: one.claims.emailVerified,
    name: one.claims.name,
    username: one.claims.username,
  },
  client_id: one.clientId,
  scopes: one.scopes ?? null,
  logo: one.logo ?? null,
  trust_email: one.trustEmail,
  enabled: one.enabled,
  source: one.configured ? 'configuration' : 'database',
  redirect_uri: `${base}/upstream/${one.id}/callback`,
  linked: one.linked,
  linked_capped: one.linked === MAX_LINKED,
  version: one.version,
});

const asItIs = async ({ operator, params, services }: OperatorCall<unknown, unknown>) =>
  upstreamOf(await services.upstreams.find(operator, params['id'] ?? ''), services.publicUrl);

/** Other providers that people sign in with. */
export const upstreams = [
  managed({
    id: 'listUpstreams',
    method: 'get',
    path: '/upstreams',
    summary: 'List the providers that people can sign in with',
    scope: 'upstreams:read',
    replies: { 200: listOf(Upstream) },
    async handle({ operator, services }) {
      const all = await services.upstreams.list(operator);
      return {
        status: 200,
        body: { items: all.map((one) => upstreamOf(one, services.publicUrl)), next_cursor: null },
      };
    },
  }),
  managed({
    id: 'createUpstream',
    method: 'post',
    path: '/upstreams',
    summary: 'Register a sign-in provider; the discovery document of an enabled one must be reachable',
    scope: 'upstreams:write',
    fresh: true,
    body: NewUpstream,
    replies: { 201: Upstream },
    refusals: [409],
    async handle({ operator, body: { id, ...content }, services }) {
      const made = await services.upstreams.create(operator, { id, ...changesOf(content) });
      return resource(201, upstreamOf(made, services.publicUrl), `/api/v2/upstreams/${made.id}`);
    },
  }),
  managed({
    id: 'getUpstream',
    method: 'get',
    path: '/upstreams/{id}',
    params: upstreamId,
    summary: 'Get a sign-in provider',
    scope: 'upstreams:read',
    replies: { 200: Upstream },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateUpstream',
    method: 'patch',
    path: '/upstreams/{id}',
    params: upstreamId,
    summary: 'Change, enable or disable a provider; null restores a default',
    scope: 'upstreams:write',
    fresh: true,
    body: UpstreamChanges,
    replies: { 200: Upstream },
    refusals: [404, 409, 412],
    async handle({ operator, params, body, expected, services }) {
      const changed = await services.upstreams.update(
        operator,
        params['id'] ?? '',
        changesOf(body),
        expected,
      );
      return resource(200, upstreamOf(changed, services.publicUrl));
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteUpstream',
    method: 'delete',
    path: '/upstreams/{id}',
    params: upstreamId,
    summary: 'Delete a provider that no account is linked with',
    scope: 'upstreams:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409, 412],
    async handle({ operator, params, expected, services }) {
      await services.upstreams.remove(operator, params['id'] ?? '', { expected });
      return { status: 204 };
    },
    current: asItIs,
  }),
  managed({
    id: 'listUpstreamUsers',
    method: 'get',
    path: '/upstreams/{id}/users',
    params: upstreamId,
    summary: 'List the accounts linked with a provider, latest first; needs users:read, too',
    scope: 'upstreams:read',
    query: z.strictObject({ limit, cursor: page(['created_at']).cursor }),
    replies: { 200: listOf(LinkedUser) },
    refusals: [404],
    async handle({ operator, params, query, services }) {
      const found = await services.upstreams.linked(operator, params['id'] ?? '', query);
      return { status: 200, body: pageOf(found, linkedOf) };
    },
  }),
  managed({
    id: 'testUpstream',
    method: 'post',
    path: '/upstreams/{id}/test',
    params: upstreamId,
    summary: 'Test a provider: fetch its discovery document and report what is wrong',
    scope: 'upstreams:write',
    replies: { 200: Test },
    refusals: [404],
    async handle({ operator, params, services }) {
      const result = await services.upstreams.test(operator, params['id'] ?? '');
      const body = result.ok
        ? { ok: true, code: null, detail: null }
        : { ok: false, code: result.code, detail: result.why };
      return { status: 200, body };
    },
  }),
];
