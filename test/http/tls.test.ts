import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { readCertificate } from '../../src/http/ops/certificate.ts';
import { createHttpServer } from '../../src/http/ops/http-server.ts';
import { atEnd } from '../support/cleanup.ts';

const file = (name: string) => path.resolve(import.meta.dirname, '../oidc/support/certificates', name);
const CERT = file('server.pem');
const KEY = file('server.key');

it('speaks TLS by the certificate of the configuration', async () => {
  const certificate = await readCertificate({ cert: CERT, key: KEY });
  const server = createHttpServer((_req, res) => res.end('over TLS'), certificate);
  const port = await server.listen(0, '127.0.0.1');
  atEnd(async () => {
    await server.close();
    await server.drain(1);
  });
  const ca = await readFile(file('ca.pem'), 'utf8');
  const sent = get({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined, agent: false });
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  expect(await text(reply)).toBe('over TLS');
});

it('speaks HTTP without', async () => {
  expect(await readCertificate(null)).toBeUndefined();
});

it.each([
  ['a file that is not there', { cert: file('none.pem'), key: KEY }, /http\.tls\.cert: cannot read .*ENOENT/],
  ['a file that is none', { cert: import.meta.filename, key: KEY }, /must hold a certificate/],
  ['another’s key', { cert: CERT, key: file('other.key') }, /is not the one of the certificate/],
])('does not start with %s', async (_what, tls, message) => {
  await expect(readCertificate(tls)).rejects.toThrow(message);
});
