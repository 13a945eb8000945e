import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createAddressRule } from '../../src/oidc/outbound/addresses.ts';
import { createOutboundFetch } from '../../src/oidc/outbound/fetch.ts';
import { runCli } from '../support/postern.ts';
import { post } from './support/flow.ts';
import { type Provider, startProvider } from './support/provider.ts';
import { startRequestRecorder, type RequestRecorder } from './support/request-recorder.ts';

const REFUSED = 'not a public https address';

describe('connections to addresses from clients', () => {
  const mayConnect = createAddressRule([]);

  it.each(
    `0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1
    192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::
    3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1`.split(/\s+/),
  )('are refused: %s', (address) => {
    expect(mayConnect('https:', 'example.com', address)).toBe(false);
  });

  it.each(['8.8.8.8', '100.128.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])(
    'are allowed over TLS only: %s',
    (address) => {
      expect(mayConnect('https:', 'example.com', address)).toBe(true);
      expect(mayConnect('http:', 'example.com', address)).toBe(false);
    },
  );

  it('are allowed without TLS if the name, address or block is listed, and only then', () => {
    const listed = createAddressRule(['Keys.Intranet', '10.1.0.0/16', '::1']);
    expect(listed('http:', 'keys.intranet', '192.168.0.1')).toBe(true);
    expect(listed('http:', 'other.intranet', '10.1.2.3')).toBe(true);
    expect(listed('http:', 'other.intranet', '::ffff:10.1.2.3')).toBe(true);
    expect(listed('https:', '::1', '::1')).toBe(true);
    expect(listed('https:', 'other.intranet', '10.2.0.1')).toBe(false);
    expect(listed('https:', 'xkeys.intranet', '192.168.0.1')).toBe(false);
  });

  it.each(['10.0.0.0/33', '10.0.0/8', 'https://keys.intranet', 'a b', ''])(
    'cannot be allowed by the entry %p',
    (entry) => {
      expect(() => createAddressRule([entry])).toThrow(
        `outbound.allow: ${entry} is not a hostname, an address or a CIDR block`,
      );
    },
  );

  it('are allowed by valid entries only: an invalid one stops the start and is named', async () => {
    const { code, stderr } = await runCli(['serve'], { settings: { outbound: { allow: ['10.0.0.0/33'] } } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('outbound.allow: 10.0.0.0/33 is not a hostname');
  });
});

describe('a request to a URL from a client', () => {
  let target: RequestRecorder;
  beforeAll(async () => {
    target = await startRequestRecorder((req, res) => {
      const answers: Record<string, () => void> = {
        '/away': () => res.writeHead(302, { location: '/here' }).end(),
        '/large': () => res.end(Buffer.alloc(2000)),
        '/bomb': () =>
          res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(2_000_000))),
        '/endless': () => void res.write('a'),
        '/never': () => undefined,
      };
      (answers[req.url ?? ''] ?? (() => res.end('here')))();
    });
  });
  const guarded = createOutboundFetch({ allow: [] });
  const limits = { timeout: 60_000, maxBytes: 1000 };
  const open = createOutboundFetch({ allow: ['127.0.0.0/8', '::1'] }, limits);

  it.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '[::]',
  ])('is never sent to %s', async (host) => {
    const before = target.requests.length;
    for (const scheme of ['http', 'https']) {
      await expect(guarded(`${scheme}://${host}:${target.port}/here`)).rejects.toThrow(REFUSED);
    }
    expect(target.requests).toHaveLength(before);
  });

  it.each(['localhost', '127.0.0.1'])('is sent to %s if that is listed', async (host) => {
    const reply = await open(`http://${host}:${target.port}/here`, { method: 'POST', body: 'x' });
    expect([reply.status, await reply.text()]).toEqual([200, 'here']);
  });

  it('is not sent with credentials in the URL, nor with another scheme', async () => {
    const before = target.requests.length;
    await expect(open(`http://user:pass@127.0.0.1:${target.port}/here`)).rejects.toThrow('credentials');
    await expect(open('file:///etc/passwd')).rejects.toThrow(REFUSED);
    await expect(open('data:text/plain,here')).rejects.toThrow(REFUSED);
    expect(target.requests).toHaveLength(before);
  });

  it('does not follow redirects', async () => {
    const before = target.requests.length;
    const reply = await open(`${target.url()}/away`, { redirect: 'follow' });
    expect(reply.status).toBe(302);
    expect(target.requests.slice(before)).toEqual(['GET /away']);
  });

  it.each(['/large', '/bomb'])('fails if %s has more bytes than allowed', async (path) => {
    await expect(open(target.url() + path)).rejects.toThrow('the reply has more than 1000 bytes');
  });

  it.each(['/never', '/endless'])('ends if %s takes too long, or when the caller aborts it', async (path) => {
    const impatient = createOutboundFetch({ allow: ['127.0.0.1'] }, { ...limits, timeout: 100 });
    await expect(impatient(target.url() + path)).rejects.toThrow('timeout');
    await expect(open(target.url() + path, { signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
  });
});

describe('jwks_uri', () => {
  let provider: Provider;
  let keys: RequestRecorder;
  let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    privateKey = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'a', alg: 'ES256', use: 'sig' }] };
    keys = await startRequestRecorder((req, res) => {
      if (req.url === '/away') res.writeHead(302, { location: '/jwks' }).end();
      else res.end(JSON.stringify(jwks));
    });
    provider = await startProvider({ settings: { outbound: { allow: ['localhost'] } } });
  });

  /** A client with keys at `jwksUri` requests a token. */
  async function tokenFor(jwksUri: string) {
    const { id } = await provider.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: jwksUri,
    });
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'a' })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(provider.url)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    return post(
      provider,
      'token',
      { id, secret: '', redirectUri: '' },
      {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
    );
  }

  it('is fetched if the operator allows it', async () => {
    expect(await tokenFor(`${keys.url('localhost')}/jwks`)).toMatchObject({ status: 200 });
    expect(keys.requests).toEqual(['GET /jwks']);
  });

  it.each([
    ['at another name of the same address', () => `${keys.url('127.0.0.1')}/jwks`],
    ['at a documentation address', () => 'http://192.0.2.1/jwks'],
    ['behind a redirect', () => `${keys.url('localhost')}/away`],
  ])('is not fetched %s, and the client is told', async (_, url) => {
    const before = keys.requests.length;
    const reply = await tokenFor(url());
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
    expect(reply.body['error']).toMatch(/^invalid_client/);
    expect(keys.requests.slice(before).filter((request) => request !== 'GET /away')).toEqual([]);
  });
});
