import { beforeAll, describe, expect, it } from '@jest/globals';
import { form, signIn, type Tokens } from './support/flow.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';

const OWN = 'https://spa.example.test';
const ALLOWED = 'https://other.example.test';
const FOREIGN = 'https://attacker.example.test';

describe('cross-origin calls from a browser', () => {
  let provider: Provider;
  let spa: Client;
  let tokens: Tokens;
  beforeAll(async () => {
    provider = await startProvider();
    spa = await provider.createClient(
      { redirect_uris: [`${OWN}/callback`], allowed_cors_origins: [ALLOWED] },
      { isPublic: true },
    );
    tokens = await signIn(provider, spa, await provider.createPerson());
  });

  const token = (origin: string, clientId = spa.id) =>
    fetch(`${provider.url}/oauth2/token`, {
      method: 'POST',
      headers: { origin },
      body: form({ grant_type: 'refresh_token', refresh_token: 'none', client_id: clientId }),
    });
  const allowed = (reply: Response) => reply.headers.get('access-control-allow-origin');

  it.each([OWN, ALLOWED])('from %s, which the client lists, can read the reply', async (origin) => {
    const reply = await token(origin);
    expect(allowed(reply)).toBe(origin);
    expect(reply.headers.get('vary')).toMatch(/origin/i);
    expect(await reply.json()).toMatchObject({ error: 'invalid_grant' });
    const info = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { origin, authorization: `Bearer ${tokens.access_token}` },
    });
    expect([info.status, allowed(info)]).toEqual([200, origin]);
  });

  it('from other origins cannot', async () => {
    expect(allowed(await token(FOREIGN))).toBeNull();
    expect(allowed(await token('null'))).toBeNull();
    const info = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { origin: FOREIGN, authorization: `Bearer ${tokens.access_token}` },
    });
    expect(allowed(info)).toBeNull();
  });

  it('for another client need that client’s origins', async () => {
    const other = await provider.createClient({}, { isPublic: true });
    expect(allowed(await token(OWN, other.id))).toBeNull();
  });

  it.each(['token', 'userinfo', 'revoke'])('to %s get a preflight reply', async (endpoint) => {
    const reply = await fetch(`${provider.url}/oauth2/${endpoint}`, {
      method: 'OPTIONS',
      headers: {
        'origin': OWN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    // The client is still unknown: the call itself decides.
    expect(reply.status).toBe(204);
    expect(allowed(reply)).toBe(OWN);
    expect(reply.headers.get('access-control-allow-methods')).toContain('POST');
    expect(reply.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
  });

  it('cannot reach the pages, and send no cookies', async () => {
    const page = await fetch(`${provider.url}/sign-in`, { headers: { origin: OWN } });
    expect(allowed(page)).toBeNull();
    expect((await token(OWN)).headers.get('access-control-allow-credentials')).toBeNull();
  });
});
