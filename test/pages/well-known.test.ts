import { inflateSync } from 'node:zlib';
import Router from '@koa/router';
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/index.ts';
import { wellKnownRoutes } from '../../src/http/pages/well-known.ts';
import type { PageDependencies } from '../../src/http/pages/dependencies.ts';
import { servePages } from './support/serve.ts';

const NOW = Date.parse('2026-11-21T14:00:00Z');
const found = async (path: string, settings: object = {}, logo: string | null = null): Promise<Response> => {
  const config = { ...loadConfig({}), ...settings };
  const mfa = { passkeys: { available: false } } as PageDependencies['mfa'];
  const origin = await servePages(
    async (ctx, renderer) => {
      const router = new Router();
      wellKnownRoutes(router, { config, mfa, renderer, clock: { now: () => NOW } });
      await router.routes()(ctx as never, async () => undefined);
    },
    { logo },
  );
  return fetch(origin + path, { redirect: 'manual' });
};

test('security.txt says where to report a vulnerability (RFC 9116)', async () => {
  const contact = ['mailto:security@example.com', 'https://example.com/report'];
  const reply = await found('/.well-known/security.txt', { securityTxt: { contact } });
  expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect((await reply.text()).split('\n')).toEqual([
    'Contact: mailto:security@example.com',
    'Contact: https://example.com/report',
    'Expires: 2027-05-20T00:00:00.000Z',
    'Preferred-Languages: en, de, es, zh',
    'Canonical: http://localhost:8000/.well-known/security.txt',
    '',
  ]);
  expect((await found('/.well-known/security.txt')).status).toBe(404);
});

test.each([
  ['/favicon.ico', 'image/x-icon', 48, 22],
  ['/apple-touch-icon.png', 'image/png', 180, 0],
])('%s is an image', async (path, type, size, offset) => {
  const reply = await found(path);
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, type]);
  const png = Buffer.from(await reply.arrayBuffer()).subarray(offset);
  expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
  const at = png.indexOf('IDAT');
  const pixels = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  expect(pixels).toHaveLength(size * (4 * size + 1));
  // The bottom centre belongs to the tile, in the brand's colour.
  const middle = (size - 3) * (4 * size + 1) + 1 + 4 * (size / 2);
  expect(pixels.subarray(middle, middle + 4).toString('hex')).toBe('2f5beaff');
});

test('the operator’s logo is the icon', async () => {
  const reply = await found('/favicon.ico', {}, 'https://example.com/logo.png');
  expect([reply.status, reply.headers.get('location')]).toEqual([302, 'https://example.com/logo.png']);
});
