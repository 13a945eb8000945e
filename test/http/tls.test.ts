import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect, getCiphers } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { tlsSchema } from '../../src/config/tls.ts';
import { createHttpServer, readTlsOptions } from '../../src/http/ops/http-server.ts';
import { atEnd } from '../support/cleanup.ts';

const file = (name: string) => path.resolve(import.meta.dirname, '../oidc/support/certificates', name);
const CERT = file('server.pem');
const KEY = file('server.key');

/** @returns the port of a server that speaks TLS with these settings. */
async function startServer(settings: z.input<typeof tlsSchema>): Promise<number> {
  const options = await readTlsOptions(tlsSchema.parse(settings));
  const server = createHttpServer((_req, res) => res.end('over TLS'), { requestTimeout: 30, tls: options });
  const port = await server.listen(0, '127.0.0.1');
  atEnd(async () => {
    await server.close();
    await server.drain(1);
  });
  return port;
}

it('the server speaks TLS with the configured certificate', async () => {
  const port = await startServer({ cert: CERT, key: KEY });
  const ca = await readFile(file('ca.pem'), 'utf8');
  const sent = get({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined, agent: false });
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  expect(await text(reply)).toBe('over TLS');
});

describe('cipher suites', () => {
  const RSA = { cert: file('server-rsa.pem'), key: file('server-rsa.key') };

  /**
   * @returns the protocol and cipher suite that a client with these options negotiates, or its error code.
   */
  async function negotiate(port: number, options: ConnectionOptions): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    try {
      await once(socket, 'secureConnect');
      return `${socket.getProtocol()} ${socket.getCipher().name}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    } finally {
      socket.destroy();
    }
  }
  const tls12 = (ciphers: string): ConnectionOptions => ({ maxVersion: 'TLSv1.2', ciphers });
  const REFUSED = 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE';

  it('are those of BCP 195', async () => {
    const [rsa, ecdsa] = [await startServer(RSA), await startServer({ cert: CERT, key: KEY })];
    expect(await negotiate(rsa, {})).toMatch(/^TLSv1\.3 TLS_/);
    for (const suite of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384']) {
      expect(await negotiate(rsa, tls12(`ECDHE-RSA-${suite}`))).toBe(`TLSv1.2 ECDHE-RSA-${suite}`);
      expect(await negotiate(ecdsa, tls12(`ECDHE-ECDSA-${suite}`))).toBe(`TLSv1.2 ECDHE-ECDSA-${suite}`);
    }
    // CBC, RSA key exchange, finite-field Diffie-Hellman, and all others in this OpenSSL.
    const others = getCiphers().filter(
      (name) => !/psk|srp|^(?:tls_|ecdhe-(?:rsa|ecdsa)-aes(?:128|256)-gcm-)/.test(name),
    );
    expect(others).toEqual(
      expect.arrayContaining(['ecdhe-rsa-aes128-sha', 'aes128-gcm-sha256', 'aes256-sha']),
    );
    for (const suite of others) {
      expect([suite, await negotiate(rsa, tls12(suite.toUpperCase()))]).toEqual([suite, REFUSED]);
    }
    expect(await negotiate(ecdsa, tls12('ECDHE-ECDSA-AES128-SHA'))).toBe(REFUSED);
    expect(
      await negotiate(rsa, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('are more if the configuration lists them', async () => {
    const port = await startServer({
      ...RSA,
      ciphers: ['ECDHE-RSA-AES128-GCM-SHA256', 'ecdhe-rsa-aes128-sha'],
    });
    expect(await negotiate(port, {})).toMatch(/^TLSv1\.3 TLS_/);
    expect(await negotiate(port, tls12('ECDHE-RSA-AES128-SHA'))).toBe('TLSv1.2 ECDHE-RSA-AES128-SHA');
    expect(await negotiate(port, tls12('ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256'))).toBe(
      'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256',
    );
    expect(await negotiate(port, tls12('AES128-SHA'))).toBe(REFUSED);
  });

  it.each([['ALL'], ['ECDHE-RSA-AES128-SHA:AES128-SHA'], ['!aNULL'], ['TLS_AES_128_GCM_SHA256'], ['NULL']])(
    'must be names: not %s',
    (ciphers) => {
      expect(() => tlsSchema.parse({ ...RSA, ciphers: [ciphers] })).toThrow(/OpenSSL name of a cipher suite/);
    },
  );
});

it('the server speaks HTTP without a certificate', async () => {
  expect(await readTlsOptions(null)).toBeUndefined();
});

it.each([
  ['a missing file', { cert: file('none.pem'), key: KEY }, /http\.tls\.cert: cannot read .*ENOENT/],
  ['an invalid certificate', { cert: import.meta.filename, key: KEY }, /must contain a certificate/],
  [
    'the key of another certificate',
    { cert: CERT, key: file('other.key') },
    /does not match the certificate/,
  ],
])('the server does not start with %s', async (_what, tls, message) => {
  await expect(readTlsOptions(tlsSchema.parse(tls))).rejects.toThrow(message);
});
