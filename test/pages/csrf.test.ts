import { expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { createCsrf } from '../../src/http/pages/csrf.ts';
import { isDomainError } from '../../src/core/errors.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { servePages } from './support/serve.ts';

const secrets = new Secrets('a secret of the test that has enough characters');

/** GET returns a token twice, and POST checks the one in the query. */
async function serve(publicUrl: string, key = secrets): Promise<string> {
  const csrf = createCsrf({ secrets: key, publicUrl });
  return servePages((ctx: Context) => {
    if (ctx.method === 'GET') {
      ctx.body = [csrf.token(ctx), csrf.token(ctx)];
      return;
    }
    try {
      csrf.check(ctx, ctx.path === '/none' ? undefined : { ...ctx.query });
      ctx.body = 'passed';
    } catch (error) {
      ctx.status = isDomainError(error, 'forbidden') && error.details.reason === 'csrf' ? 403 : 500;
    }
  });
}

async function visit(origin: string): Promise<{ token: string; cookie: string; attributes: string }> {
  const reply = await fetch(origin);
  const [token, again] = (await reply.json()) as [string, string];
  expect(again).toBe(token);
  const set = reply.headers.getSetCookie();
  expect(set).toHaveLength(1);
  const [cookie = '', ...attributes] = set[0]?.split('; ') ?? [];
  return { token, cookie, attributes: attributes.join('; ') };
}

const post = async (url: string, headers: Record<string, string>): Promise<number> =>
  (await fetch(url, { method: 'POST', headers })).status;

test('the CSRF token of the browser’s own cookie is accepted, repeatedly', async () => {
  const origin = await serve('http://localhost:8000');
  const { token, cookie, attributes } = await visit(origin);
  expect(cookie).toMatch(/^postern_csrf=[\w-]{43}$/);
  expect(attributes).toBe('path=/; samesite=lax; httponly');
  expect(await post(`${origin}/?csrf=${token}`, { cookie })).toBe(200);
  expect(await post(`${origin}/?csrf=${token}`, { cookie, 'sec-fetch-site': 'same-origin' })).toBe(200);
  const second = await fetch(origin, { headers: { cookie } });
  expect(await second.json()).toEqual([token, token]);
  expect(second.headers.getSetCookie()).toEqual([]);
});

test('over https the CSRF cookie is bound to the host, also behind a proxy that terminates TLS', async () => {
  const origin = await serve('https://login.example.com');
  const { token, cookie, attributes } = await visit(origin);
  expect(cookie).toMatch(/^__Host-postern_csrf=/);
  expect(attributes).toBe('path=/; samesite=lax; secure; httponly');
  expect(await post(`${origin}/?csrf=${token}`, { cookie })).toBe(200);
});

test('a cookie of another form is replaced, and no token of it passes', async () => {
  const origin = await serve('http://localhost:8000');
  for (const value of ['x', 'x'.repeat(44), `${'x'.repeat(42)}!`]) {
    const cookie = `postern_csrf=${value}`;
    const reply = await fetch(origin, { headers: { cookie } });
    expect(reply.headers.getSetCookie()).toHaveLength(1);
    expect(await post(`${origin}/?csrf=${secrets.mac('csrf', value)}`, { cookie })).toBe(403);
  }
});

test('any other CSRF token is refused', async () => {
  const origin = await serve('http://localhost:8000');
  const mine = await visit(origin);
  const other = await visit(origin);
  const { token, cookie } = mine;
  const elsewhere = await visit(
    await serve('http://localhost:8000', new Secrets('another secret of the same length')),
  );
  const own = `${origin}/?csrf=${token}`;
  expect(await post(own, {})).toBe(403);
  expect(await post(origin, { cookie })).toBe(403);
  expect(await post(`${origin}/none`, { cookie })).toBe(403);
  expect(await post(`${own}&csrf=${token}`, { cookie })).toBe(403);
  expect(await post(own, { cookie: other.cookie })).toBe(403);
  expect(await post(`${origin}/?csrf=${cookie.split('=')[1] ?? ''}`, { cookie })).toBe(403);
  expect(await post(`${origin}/?csrf=${token.slice(1)}`, { cookie })).toBe(403);
  expect(await post(`${origin}/?csrf=${elsewhere.token}`, { cookie: elsewhere.cookie })).toBe(403);
  expect(await post(own, { cookie: 'postern_csrf=short' })).toBe(403);
  for (const site of ['cross-site', 'same-site', 'anything']) {
    expect(await post(own, { cookie, 'sec-fetch-site': site })).toBe(403);
  }
});
