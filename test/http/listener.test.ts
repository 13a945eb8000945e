import { beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { startPostern } from '../support/postern.ts';

let url: string;
beforeAll(async () => {
  ({ url } = await startPostern());
});

describe('the listener', () => {
  test('gives every reply an id of its own, whatever the request says', async () => {
    const asked = () => request(url).get('/livez').set('X-Request-Id', 'made-up');
    const [one, other] = [await asked().expect(200), await asked().expect(200)];
    expect(one.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.headers['x-request-id']).not.toBe(other.headers['x-request-id']);
  });

  test('answers at the host of the issuer, and at any name of the loopback beside it', async () => {
    const { port } = new URL(url);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      await request(url).get('/').set('Host', host).expect(200);
    }
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example']) {
      const { body } = await request(url).get('/').set('Host', host).expect(421);
      expect(body).toMatchObject({ error: 'misdirected_request' });
    }
  });

  test('lets probes ask by any host', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      await request(url).get(path).set('Host', '10.0.0.5').expect(200);
    }
  });

  test('names the issuer in discovery, whatever a proxy that nobody trusts says', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      // The first reply is the provider's, the second comes from what was kept of it.
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

  test('hands out no private part of a key', async () => {
    const { body } = await request(url).get('/oauth2/jwks').expect(200);
    const { keys } = body as { keys: Record<string, unknown>[] };
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'EdDSA', 'PS256', 'RS256']));
    for (const key of keys) {
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
      expect(key).toHaveProperty('use', 'sig');
    }
  });
});
