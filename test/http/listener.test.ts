import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { type Postern, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

/** Addresses of this machine that others can reach. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);

/** Sends the request as written. @returns everything until the connection closes. */
async function raw(port: number, lines: string[], host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'));
  return text(socket);
}

const statusOf = (reply: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(reply)?.[1]);

let url: string;
beforeAll(async () => {
  ({ url } = await startPostern());
});

describe('the listener', () => {
  test('sets a request id of its own on every reply, whatever the request says', async () => {
    const asked = () => request(url).get('/livez').set('X-Request-Id', 'made-up');
    const [one, other] = [await asked().expect(200), await asked().expect(200)];
    expect(one.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.headers['x-request-id']).not.toBe(other.headers['x-request-id']);
  });

  test('answers to the host of the issuer, and to any loopback name beside it', async () => {
    const { port } = new URL(url);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      await request(url).get('/').set('Host', host).expect(200);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      `evil.example@localhost:${port}`,
    ]) {
      const { body } = await request(url).get('/').set('Host', host).expect(421);
      expect(body).toMatchObject({ error: 'misdirected_request' });
    }
  });

  test('prefers the host of an absolute request target to the Host field (RFC 9112 section 3.2.2)', async () => {
    const { port, host } = new URL(url);
    const ask = (target: string, said: string) =>
      raw(Number(port), [`GET ${target} HTTP/1.1`, `Host: ${said}`]).then(statusOf);
    expect(await ask(`${url}/sign-in`, 'evil.example')).toBe(200);
    expect(await ask(`${url}/oauth2/jwks?x=1`, host)).toBe(200);
    expect(await ask('http://evil.example/sign-in', host)).toBe(421);
    for (const target of ['sign-in', 'http://', 'x:sign-in', '*'])
      expect(await ask(target, host)).not.toBe(200);
  });

  test('answers probes for any host', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      await request(url).get(path).set('Host', '10.0.0.5').expect(200);
    }
  });

  test('names the issuer in discovery, whatever an untrusted proxy says', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      // The provider makes the first reply, the second comes from the cache.
      for (const _ of ['made', 'kept']) {
        const { body, headers } = await request(url)
          .get(path)
          .set('X-Forwarded-Host', 'evil.example')
          .set('X-Forwarded-Proto', 'https')
          .expect(200);
        expect(body).toMatchObject({ issuer: url, jwks_uri: `${url}/oauth2/jwks` });
        expect(headers['access-control-allow-origin']).toBe('*');
      }
    }
  });

  test('exposes no private part of a key', async () => {
    const { body } = await request(url).get('/oauth2/jwks').expect(200);
    const { keys } = body as { keys: Record<string, unknown>[] };
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'EdDSA', 'PS256', 'RS256']));
    for (const key of keys) {
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
      expect(key).toHaveProperty('use', 'sig');
    }
  });
});

describe('a server in development', () => {
  test('listens on loopback only', async () => {
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', '[::1]', 'localhost'])
      expect((await fetch(`http://${host}:${port}/livez`)).status).toBe(200);
    // On Linux all of 127.0.0.0/8 is this machine, for a server on every address too.
    for (const host of ['127.0.0.2', ...outside])
      await expect(fetch(`http://${host}:${port}/livez`)).rejects.toMatchObject({
        cause: { code: 'ECONNREFUSED' },
      });
  });

  describe('with HOST set to listen on every address', () => {
    let open: Postern;
    let behind: Postern;
    beforeAll(async () => {
      const [one, other] = await Promise.all([createDatabase(), createDatabase()]);
      [open, behind] = await Promise.all([
        startPostern({ databaseUrl: one.url, env: { HOST: '0.0.0.0' } }),
        // With its own name, and behind a proxy on this machine.
        startPostern({
          databaseUrl: other.url,
          env: { HOST: '0.0.0.0', PUBLIC_URL: 'https://login.example.test' },
          settings: { http: { trustedProxies: ['127.0.0.1'] } },
        }),
      ]);
    });

    const get = (path: string, host: string, ...headers: string[]) => [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      ...headers,
    ];

    test('answers on every address', async () => {
      for (const address of ['127.0.0.1', '127.0.0.2', ...outside])
        expect((await fetch(`http://${address}:${open.port}/livez`)).status).toBe(200);
    });

    test('shows mail to this machine only, whatever headers say about the client', async () => {
      for (const path of ['/dev/mail', '/DEV/mail/', '/dev/mail/style.css', '/dev/mail/x/source']) {
        const host = `localhost:${open.port}`;
        for (const address of outside)
          for (const forged of [[], ['X-Forwarded-For: 127.0.0.1'], ['X-Real-IP: ::1']])
            expect(statusOf(await raw(open.port, get(path, host, ...forged), address))).toBe(403);
        // Through a proxy on this machine.
        for (const forwarded of [
          'X-Forwarded-For: 203.0.113.9',
          'x-forwarded-host: a',
          'Forwarded: for=_x',
          'Via: 1.1 x',
        ])
          expect(statusOf(await raw(open.port, get(path, host, forwarded)))).toBe(403);
        expect(statusOf(await raw(open.port, [`GET ${path} HTTP/1.0`, `Host: ${host}`]))).toBe(403);
      }
      const { port } = open;
      expect(statusOf(await raw(port, get('/dev/mail', `localhost:${port}`)))).toBe(200);
      // A name that somebody made resolve to this machine (DNS rebinding).
      expect(statusOf(await raw(port, get('/dev/mail', 'evil.example')))).toBe(421);
    });

    test('shows mail under a loopback name, though the issuer has another', async () => {
      const { port } = behind;
      expect(statusOf(await raw(port, get('/dev/mail', `localhost:${port}`)))).toBe(200);
      expect(statusOf(await raw(port, get('/dev/mail', 'login.example.test')))).toBe(200);
      for (const client of ['203.0.113.9', '127.0.0.1'])
        expect(
          statusOf(await raw(port, get('/dev/mail', 'login.example.test', `X-Forwarded-For: ${client}`))),
        ).toBe(403);
      expect(statusOf(await raw(port, get('/sign-in', `localhost:${port}`)))).toBe(421);
    });

    test('serves metrics to clients on this machine only', async () => {
      const metrics = (port: number, headers: string[] = [], address?: string) =>
        raw(port, get('/metrics', 'probe', ...headers), address).then(statusOf);
      expect(await metrics(open.port)).toBe(200);
      // The headers of an untrusted proxy are ignored.
      for (const client of ['203.0.113.9', '127.0.0.1'])
        expect(await metrics(open.port, [`X-Forwarded-For: ${client}`])).toBe(403);
      for (const address of outside) {
        expect(await metrics(open.port, [], address)).toBe(403);
        expect(await metrics(behind.port, ['X-Forwarded-For: 127.0.0.1'], address)).toBe(403);
      }
      expect(await metrics(behind.port)).toBe(200);
      expect(await metrics(behind.port, ['X-Forwarded-For: 127.0.0.1'])).toBe(200);
      expect(await metrics(behind.port, ['X-Forwarded-For: 127.0.0.1, 203.0.113.9'])).toBe(403);
      expect(await metrics(behind.port, ['X-Forwarded-Proto: https'])).toBe(403);
    });

    test('sends Strict-Transport-Security only if its public URL is https', async () => {
      const policy = /^Strict-Transport-Security: max-age=31536000\r$/m;
      for (const path of ['/sign-in', '/livez', '/.well-known/openid-configuration', '/no/such/place'])
        expect(await raw(behind.port, get(path, 'login.example.test'))).toMatch(policy);
      expect(await raw(open.port, get('/sign-in', `localhost:${open.port}`))).not.toMatch(policy);
    });

    test('refuses two Host fields on every path', async () => {
      const { port } = open;
      for (const path of [
        '/livez',
        '/sign-in',
        '/.well-known/openid-configuration',
        '/oauth2/authorize',
        '/health',
      ])
        for (const [one, other] of [
          [`localhost:${port}`, `localhost:${port}`],
          [`localhost:${port}`, 'evil.example'],
          ['evil.example', `localhost:${port}`],
        ] as const) {
          const reply = await raw(port, get(path, one, `hOST: ${other}`));
          expect(statusOf(reply)).toBe(400);
          expect(reply).toContain('"error":"invalid_request"');
        }
    });
  });
});
