import { expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { createSealedCookie } from '../../src/http/pages/sealed-cookie.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { servePages } from './support/serve.ts';

const TTL = 60;

let now = Date.now();
const secrets = new Secrets('a secret of the test that has enough characters');

/** POST sets the cookie for `/page`, GET returns its value for the requested path. */
async function serve(name = 'postern_kept', publicUrl = 'http://localhost:8000'): Promise<string> {
  const settings = { publicUrl, secrets, clock: { now: () => now } };
  const cookie = createSealedCookie<{ word: string }>({ name, ttl: TTL, ...settings });
  return servePages((ctx: Context) => {
    if (ctx.method === 'POST') cookie.set(ctx, '/page', { word: 'kept' });
    ctx.body = { held: cookie.read(ctx, ctx.path) };
  });
}

/** @returns the cookie as the browser sends it, and its attributes. */
async function setAt(origin: string): Promise<{ cookie: string; attributes: string[] }> {
  const reply = await fetch(`${origin}/page`, { method: 'POST' });
  const [cookie = '', ...attributes] = reply.headers.getSetCookie()[0]?.split('; ') ?? [];
  return { cookie, attributes };
}

const held = async (url: string, cookie: string): Promise<unknown> =>
  ((await (await fetch(url, { headers: { cookie } })).json()) as { held: unknown }).held;

test('a sealed cookie is valid until it expires, however long the browser keeps it', async () => {
  const origin = await serve();
  const { cookie, attributes } = await setAt(origin);
  expect(attributes).toEqual(
    expect.arrayContaining(['path=/page', 'httponly', 'samesite=lax', expect.stringMatching(/^expires=/)]),
  );
  now += TTL * 1000 - 1;
  expect(await held(`${origin}/page`, cookie)).toEqual({ word: 'kept' });
  now += 1;
  expect(await held(`${origin}/page`, cookie)).toBeNull();
});

test('a sealed cookie is valid only for its own path and name, and unchanged', async () => {
  const origin = await serve();
  const { cookie } = await setAt(origin);
  expect(cookie).not.toContain('kept"');
  expect(await held(`${origin}/page`, cookie)).toEqual({ word: 'kept' });
  expect(await held(`${origin}/page/below`, cookie)).toBeNull();
  const other = await serve('postern_other');
  expect(await held(`${other}/page`, cookie.replace('postern_kept=', 'postern_other='))).toBeNull();
  const changed = cookie.slice(0, -1) + (cookie.endsWith('A') ? 'Q' : 'A');
  for (const bad of [changed, cookie.slice(0, -4), 'postern_kept=', 'postern_kept=e30'])
    expect(await held(`${origin}/page`, bad)).toBeNull();
});

test('a sealed cookie is Secure if the public URL is https', async () => {
  const { cookie, attributes } = await setAt(await serve('postern_kept', 'https://id.example.com'));
  expect(cookie).toMatch(/^__Secure-postern_kept=/);
  expect(attributes).toContain('secure');
  const plain = await setAt(await serve());
  expect(plain.cookie).toMatch(/^postern_kept=/);
  expect(plain.attributes).not.toContain('secure');
});
