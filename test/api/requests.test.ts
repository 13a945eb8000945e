import { randomUUID } from 'node:crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { PERMISSIONS } from '../../src/domain/operators/permissions.ts';
import { ME_SCOPES } from '../../src/oidc/tokens/me-scopes.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { apiOf, connect, send } from './support/client.ts';

let provider: Provider;
let person: Person;
beforeAll(async () => {
  provider = await startProvider({
    settings: { contracts: { limits: { credentials: { requests: 20, window: 3600 } } } },
  });
  person = await provider.createPerson();
});

describe('a request to the account API', () => {
  const SCOPE = 'me:profile:read me:profile:write me:events:read me:security:write';

  test('of the wrong form is refused with all its mistakes', async () => {
    const { call, tokens } = await connect(provider, person, SCOPE);
    const cases: [string, string, unknown, string[]][] = [
      ['PATCH', '/me', { name: 7, roles: ['admin'], email: 'x@example.test' }, ['name', 'roles', 'email']],
      ['PATCH', '/me', [], ['body']],
      ['PATCH', '/me', { name: 'a\0b' }, ['name']],
      ['PATCH', '/me', { given_name: ' ' }, ['given_name']],
      ['PATCH', '/me', { username: '!' }, ['username']],
      ['PATCH', '/me', { locale: 'no such language' }, ['locale']],
      ['POST', '/me/email', {}, ['email']],
      ['POST', '/me/email', { email: 'nowhere' }, ['email']],
      ['POST', '/me/factors/totp', { name: 'x'.repeat(61) }, ['name']],
      ['GET', '/me/events?limit=0', undefined, ['limit']],
      ['GET', '/me/events?limit=many', undefined, ['limit']],
      ['GET', '/me/events?limit=5&limit=6', undefined, ['limit']],
    ];
    for (const [method, path, body, fields] of cases) {
      const { status, body: problem } = await call(method, path, body);
      const errors = (problem['errors'] ?? []) as { field: string }[];
      expect([path, body, status, errors.map(({ field }) => field).toSorted()]).toEqual([
        path,
        body,
        400,
        fields.toSorted(),
      ]);
    }
    const raw = (body: string, type = 'application/json') =>
      fetch(`${apiOf(provider)}/me`, {
        method: 'PATCH',
        headers: { 'authorization': `Bearer ${tokens.access_token}`, 'content-type': type },
        body,
      });
    expect((await raw('{"name":')).status).toBe(400);
    expect((await raw('name=Ada', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await raw(JSON.stringify({ name: 'x'.repeat(70_000) }))).status).toBe(413);
    expect((await raw('{"name":"Ada"}', 'application/merge-patch+json')).status).toBe(200);
    for (const cursor of ['garbage', randomUUID(), "'; drop table users; --"]) {
      const page = await call('GET', `/me/events?cursor=${encodeURIComponent(cursor)}`);
      expect([page.status, page.body]).toEqual([200, { events: [], next_cursor: null }]);
    }
  });

  test('to an unknown path or with another method is answered by 404 or 405', async () => {
    const { call } = await connect(provider, person, SCOPE);
    expect(await call('GET', '/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const wrong = await call('PUT', '/me', {});
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
    // A path that also fits a parameter of another path keeps its own methods.
    const options = await call('DELETE', '/me/factors/passkeys/options');
    expect([options.status, options.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('finds nothing that belongs to somebody else', async () => {
    const [mine, theirs] = [await provider.createPerson(), await provider.createPerson()];
    const all = Object.keys(ME_SCOPES).join(' ');
    const [me, them] = [await connect(provider, mine, all), await connect(provider, theirs, all)];
    const begun = await them.call('POST', '/me/factors/totp', { name: 'Phone' });
    const { id, secret } = begun.body as { id: string; secret: string };
    const code = generateSync({ secret });
    expect((await me.call('POST', `/me/factors/totp/${id}/confirmation`, { code })).status).toBe(404);
    expect((await them.call('POST', `/me/factors/totp/${id}/confirmation`, { code })).status).toBe(200);
    expect((await me.call('PATCH', `/me/factors/totp/${id}`, { name: 'Mine' })).status).toBe(404);
    expect((await me.call('DELETE', `/me/factors/totp/${id}`)).status).toBe(404);
    const { sessions } = (await them.call('GET', '/me/sessions')).body as { sessions: { id: string }[] };
    expect((await me.call('DELETE', `/me/sessions/${sessions[0]?.id}`)).status).toBe(404);
    expect((await me.call('DELETE', `/me/apps/${them.client.id}`)).status).toBe(404);
    expect((await them.call('GET', '/me')).status).toBe(200);
    const { events } = (await them.call('GET', '/me/events')).body as { events: { id: string }[] };
    const peek = await me.call('GET', `/me/events?cursor=${events[0]?.id}`);
    expect(JSON.stringify(peek.body)).not.toContain(theirs.id);
  });

  test('is accepted from any origin, with a token and without cookies', async () => {
    const { tokens } = await connect(provider, person, SCOPE);
    const origin = 'https://spa.example.test';
    const preflight = await fetch(`${apiOf(provider)}/me`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,content-type,dpop',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/Authorization.*DPoP/);
    for (const token of [tokens.access_token, 'garbage']) {
      const { headers } = await send(provider, 'GET', '/me', {
        headers: { authorization: `Bearer ${token}`, origin },
      });
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-allow-credentials')).toBeNull();
      expect(headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    }
  });

  test('is rate-limited and told how long to wait', async () => {
    const { call } = await connect(provider, await provider.createPerson(), SCOPE);
    const wrong = { current_password: 'wrong', new_password: 'an entirely new password' };
    for (;;) {
      const { status, body, headers } = await call('POST', '/me/password', wrong);
      expect(headers.get('ratelimit-policy')).toBe('"credentials";q=20;w=3600');
      if (body['code'] === 'rate_limited') {
        expect([status, Number(headers.get('retry-after')) > 0]).toEqual([429, true]);
        break;
      }
      expect(['invalid_credentials', 'account_locked']).toContain(body['code']);
    }
  });
});

describe('the API documents', () => {
  type Schema = { paths: Record<string, Record<string, Record<string, unknown>>> };

  test("describe each operation's input, replies and scope", async () => {
    const reply = await fetch(`${apiOf(provider)}/openapi.json`);
    const document = (await reply.json()) as Schema & Record<string, unknown>;
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    expect(document).toMatchObject({
      openapi: '3.1.0',
      components: {
        securitySchemes: {
          oauth2: {
            flows: {
              authorizationCode: {
                tokenUrl: `${provider.url}/oauth2/token`,
                scopes: ME_SCOPES,
              },
            },
          },
        },
      },
    });
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    // Each example of a whole body is valid by its own schema.
    type Body = { content?: Record<string, object> } | undefined;
    const unlike = operations.filter(({ requestBody, responses }) => {
      const good = Object.entries(responses as Record<string, Body>).filter(([status]) => status < '300');
      return [requestBody as Body, ...good.map(([, body]) => body)].some((body) => {
        const json = body?.content?.['application/json'];
        return json && !('example' in json);
      });
    });
    // Only a browser can create a passkey's credential.
    expect(unlike.map(({ summary }) => summary)).toEqual([expect.stringContaining('asskey')]);
    const scopes = operations.flatMap(({ security }) => (security as { oauth2: string[] }[])[0]?.oauth2);
    const own = scopes.filter((scope) => scope?.startsWith('me:'));
    expect(new Set(own)).toEqual(new Set(Object.keys(ME_SCOPES)));
    const managed = scopes.filter((scope) => scope !== undefined && !scope.startsWith('me:'));
    expect(Object.keys(PERMISSIONS)).toEqual(expect.arrayContaining(managed));
    expect(document.paths['/api/v2/me']?.['get']).toMatchObject({
      operationId: 'getMe',
      responses: {
        200: { content: { 'application/json': { schema: { type: 'object' } } } },
        401: {
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    });
    expect(document.paths['/api/v2/me/events']?.['get']).toMatchObject({
      parameters: [
        { name: 'limit', in: 'query', required: false, schema: { minimum: 1, maximum: 100, default: 50 } },
        { name: 'cursor', in: 'query', required: false },
      ],
    });
  });

  test('have a page', async () => {
    const page = await fetch(`${apiOf(provider)}/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).toContain('data-openapi="/api/v2/openapi.json"');
    const [, script = ''] = /src="(\/api\/v2\/docs\/[^"]+)"/.exec(html) ?? [];
    expect((await fetch(`${provider.url}${script}`)).status).toBe(200);
  });
});
