import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text as consume } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { StartupError } from '../../src/core/errors.ts';
import { createRenderer, type Renderer } from '../../src/http/pages/render.ts';
import { contentSecurityPolicy } from '../../src/http/pages/security-headers.ts';
import { samples } from './support/samples.ts';
import { servePages } from './support/serve.ts';

const hostile = `"><script>alert(1)</script>'&`;
const signIn = {
  action: '/sign-in',
  csrf: hostile,
  problems: [],
  identifier: hostile,
  remember: false,
  rememberFor: 60,
  passkeyUrl: hostile,
};
const home = (ctx: Context, renderer: Renderer) =>
  renderer.render(ctx, 'home', { signInUrl: '/s', discoveryUrl: '/d' });
const text = async (url: string, headers: Record<string, string> = {}) =>
  (await fetch(url, { headers })).text();

test('text from a client or a person is shown as text', async () => {
  const client = { clientId: 'x', clientName: hostile, policyUri: `https://acme.example/?${hostile}` };
  const account = { email: hostile, name: hostile };
  const origin = await servePages(
    (ctx, renderer) => {
      if (ctx.path === '/sign-in')
        renderer.render(ctx, 'sign-in', { ...signIn, client, cancelAction: hostile });
      if (ctx.path === '/error')
        renderer.render(ctx, 'error', {
          code: hostile,
          description: hostile,
          requestId: hostile,
          homeUrl: hostile,
        });
      if (ctx.path === '/logout')
        renderer.render(ctx, 'logout', { action: '/', fields: { [hostile]: hostile }, account });
      if (ctx.path === '/consent')
        renderer.render(ctx, 'consent', {
          action: '/',
          csrf: hostile,
          problems: [],
          client,
          account,
          details: [],
          switchAction: '/',
          scopes: [hostile],
          apis: [{ name: hostile, scopes: [hostile] }],
          lasts: 60,
          redirectUri: 'https://acme.example/',
        });
    },
    { name: hostile },
  );
  for (const page of ['sign-in', 'error', 'logout', 'consent']) {
    const html = await text(`${origin}/${page}?x=${encodeURIComponent(hostile)}`);
    expect(html).toContain('&lt;script&gt;alert(1)');
    expect(html).not.toContain('<script>');
    expect(html.match(/<script (?!src="\/assets\/)/g)).toBeNull();
  }
});

describe('security headers', () => {
  test('are on every page', async () => {
    const origin = await servePages((ctx, renderer) => samples[ctx.path.slice(1)]?.render(renderer, ctx));
    for (const name of Object.keys(samples)) {
      const reply = await fetch(`${origin}/${name}`);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(reply.headers.get('cache-control')).toBe('no-store');
      expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
      expect(reply.headers.get('referrer-policy')).toBe('same-origin');
      const policy = reply.headers.get('content-security-policy') ?? '';
      expect(policy).toContain(`default-src 'none'; script-src 'self'; style-src 'self'; `);
      expect(policy).toContain(`base-uri 'none'; frame-ancestors 'none'`);
      expect(policy).not.toContain('unsafe');
      const html = await reply.text();
      expect(html).not.toMatch(/ style=| on\w+=|javascript:/);
    }
  });

  test('let a sign-in in a popup reach its opener', async () => {
    const origin = await servePages((ctx, renderer) => samples[ctx.path.slice(1)]?.render(renderer, ctx));
    const policy = async (name: string) =>
      (await fetch(`${origin}/${name}`)).headers.get('cross-origin-opener-policy');
    expect(await policy('sign-in')).toBe('same-origin');
    expect(await policy('sign-in-client')).toBe('unsafe-none');
  });

  test('allow the client’s logo, and nothing that could end the directive', () => {
    expect(
      contentSecurityPolicy({
        images: [
          'https://cdn.acme.example/logo.png?a;script-src *',
          'https://cdn.acme.example/other',
          'http://127.0.0.1:5173/logo',
          'http://[::1]:5173/logo',
          'nonsense; script-src *',
        ],
      }),
    ).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ` +
        `img-src 'self' data: https://cdn.acme.example http://127.0.0.1:5173 http:; ` +
        `form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
  });

  test('restrict form targets to this origin, except on pages that lead to a client', () => {
    expect(contentSecurityPolicy({})).toContain(`form-action 'self'`);
    const leading = contentSecurityPolicy({ leadsToClient: true });
    expect(leading).not.toContain('form-action');
    expect(leading).toContain(`frame-ancestors 'none'`);
  });

  test.each([
    'https://a;script-src *;b/logo.png',
    'https://*/logo.png',
    'https://*.example/logo.png',
    "https://x'y/logo.png",
  ])('allow no host from a malicious URI: %s', (uri) => {
    const policy = contentSecurityPolicy({ images: [uri], frames: [uri] });
    expect(policy).toContain(`img-src 'self' data:; form-action 'self'; frame-src`);
    expect(policy).not.toMatch(/\*|b\/|x'y/);
  });
});

describe('the language of pages', () => {
  const greeting = { en: 'One account', de: 'Ein Konto', es: 'Una sola cuenta', zh: '一个账号' };
  const cases: [string, string, Record<string, string>, keyof typeof greeting][] = [
    ['is the first configured one', '', {}, 'en'],
    ['follows Accept-Language', '', { 'accept-language': 'fr, de-AT;q=0.8, en;q=0.5' }, 'de'],
    ['recognizes the many tags of Chinese', '', { 'accept-language': 'zh-CN' }, 'zh'],
    ['falls back from an unknown language', '', { 'accept-language': 'fr' }, 'en'],
    [
      'prefers ui_locales in their order',
      '?ui_locales=fr-CA%20es-MX%20de',
      { 'accept-language': 'de' },
      'es',
    ],
    ['prefers the person’s choice', '?ui_locales=es', { 'accept-language': 'de', 'cookie': 'lang=zh' }, 'zh'],
    ['can be chosen in the query', '?lang=de', { cookie: 'lang=zh' }, 'de'],
    ['is the first of two choices in the query', '?lang=es&lang=de', {}, 'es'],
    ['ignores an invalid choice', '?lang=__proto__', { cookie: 'lang=xx' }, 'en'],
  ];
  test.each(cases)('%s', async (_title, query, headers, language) => {
    const origin = await servePages(home);
    const html = await text(`${origin}/${query}`, headers);
    expect(html).toContain(greeting[language]);
    expect(html).toContain(`<html lang="${language === 'zh' ? 'zh-Hans' : language}" dir="ltr">`);
  });

  test('is remembered once chosen', async () => {
    const origin = await servePages(home, { publicUrl: 'https://login.example.com' });
    const [cookie = ''] = (await fetch(`${origin}/?lang=de`)).headers.getSetCookie();
    expect(cookie).toMatch(/^lang=de; path=\/; expires=.+; samesite=lax; secure; httponly$/);
    expect((await fetch(`${origin}/`)).headers.getSetCookie()).toEqual([]);
  });

  test('is changed on the current page', async () => {
    const origin = await servePages(home);
    expect(await text(`${origin}/?client_id=a%26b&lang=de`)).toContain('href="?client_id=a%26b&amp;lang=es"');
    const posted = await fetch(`${origin}/?secret=x`, { method: 'POST' });
    expect(await posted.text()).toContain('href="?lang=es"');
  });

  test('is not offered if there is only one', async () => {
    const origin = await servePages(home, { languages: ['es'] });
    const html = await text(origin, { 'accept-language': 'de' });
    expect(html).toContain(greeting.es);
    expect(html).not.toContain('?lang=');
  });
});

describe('the brand of pages', () => {
  test('can have a logo from another host', async () => {
    const origin = await servePages(home, { logo: 'https://cdn.example.com/logo.svg' });
    const reply = await fetch(origin);
    expect(reply.headers.get('content-security-policy')).toContain(
      `img-src 'self' data: https://cdn.example.com;`,
    );
    expect(await reply.text()).toContain(
      '<img class="brand-logo" src="https://cdn.example.com/logo.svg" alt="Postern">',
    );
  });

  test('can have a logo from views/assets', async () => {
    const origin = await servePages(home, { logo: 'favicon.svg' });
    expect(await text(origin)).toMatch(/class="brand-logo" src="\/assets\/favicon\.svg\?v=[\w-]+"/);
  });

  test.each(['missing.svg', 'http://cdn.example.com/logo.svg', '../locales/en.json'])(
    'refuses the logo %s',
    (logo) => {
      const settings = { name: 'x', brand: { color: '#000000', logo }, languages: ['en' as const] };
      const create = () => createRenderer({ settings, publicUrl: 'http://localhost', production: true });
      expect(create).toThrow(StartupError);
      expect(create).toThrow(/^brand\.logo: /);
    },
  );
});

/** GET without what fetch adds: normalized paths, and no-cache with If-None-Match. */
async function raw(origin: string, path: string, headers: Record<string, string> = {}) {
  const request = get(origin, { path, headers });
  const [reply] = (await once(request, 'response')) as [IncomingMessage];
  return { status: reply.statusCode, body: await consume(reply) };
}

describe('assets', () => {
  test('are cached forever under the hash of their content', async () => {
    const origin = await servePages(home);
    const [url = ''] = (await text(origin)).match(/\/assets\/postern\.css\?v=[\w-]+/) ?? [];
    const reply = await fetch(`${origin}${url}`);
    expect(reply.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const etag = reply.headers.get('etag') ?? '';
    expect(await raw(origin, url, { 'if-none-match': etag })).toEqual({ status: 304, body: '' });
    const head = await fetch(`${origin}${url}`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 1000]).toEqual([200, true]);
  });

  test('of another version are not cached', async () => {
    const origin = await servePages(home);
    const reply = await fetch(`${origin}/assets/brand.css?v=other`);
    expect(reply.headers.get('cache-control')).toBe('no-cache');
    expect(await reply.text()).toContain('--brand:#2f5bea');
  });

  test.each([
    '/assets/',
    '/assets/nothing.css',
    '/assets/../locales/en.json',
    '/assets/..%2flocales%2fen.json',
    '/assets/%2e%2e/locales/en.json',
    '/assets/constructor',
  ])('are only the known files, not %s', async (url) => {
    const origin = await servePages((ctx) => {
      ctx.status = 404;
    });
    expect(await raw(origin, url)).toEqual({ status: 404, body: 'Not Found' });
  });
});
