/**
 * The least that answers a client credentials request: node:http, a secret comparison, one ES256 signature, no
 * stores. It is the baseline for the cost of a framework and of the standards.
 */
import { createHash, generateKeyPairSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { SigningKey } from '../../src/oidc/signing-key.ts';
import { serverSettings } from './settings.ts';

const { port, issuer, services } = serverSettings();
const clients = new Set(services.ids);
const secretHash = createHash('sha256').update(services.secret).digest();
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
// Uses Postern's signer, which is faster than jose's, so that only the rest is compared.
const key = new SigningKey({ ...jwk, alg: 'ES256', kid: 'bench' }, { isAstray: async () => false });
const encode = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' });

async function signed(claims: object): Promise<string> {
  const input = `${header}.${encode(claims)}`;
  return `${input}.${Buffer.from(await key.sign(Buffer.from(input))).toString('base64url')}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  return body;
}

/** @returns the client's id, or null when its HTTP Basic credentials are wrong. */
function authenticate({ headers }: IncomingMessage): string | null {
  const [scheme, credentials] = headers.authorization?.split(' ') ?? [];
  if (scheme !== 'Basic' || credentials === undefined) return null;
  const [id, secret] = Buffer.from(credentials, 'base64').toString().split(':').map(decodeURIComponent);
  if (id === undefined || secret === undefined || !clients.has(id)) return null;
  return timingSafeEqual(createHash('sha256').update(secret).digest(), secretHash) ? id : null;
}

createServer((request, response) => {
  const answer = (status: number, body: object) => {
    const json = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(json),
      'cache-control': 'no-store',
    });
    response.end(json);
  };
  const respond = async () => {
    const parameters = new URLSearchParams(await readBody(request));
    const client = authenticate(request);
    if (request.method !== 'POST' || request.url !== '/oauth2/token')
      return answer(404, { error: 'not_found' });
    if (client === null) return answer(401, { error: 'invalid_client' });
    if (parameters.get('grant_type') !== 'client_credentials')
      return answer(400, { error: 'unsupported_grant_type' });
    const now = Math.floor(Date.now() / 1000);
    const token = await signed({
      client_id: client,
      iss: issuer,
      sub: client,
      aud: parameters.get('resource') ?? issuer,
      jti: randomBytes(16).toString('base64url'),
      iat: now,
      exp: now + 1800,
    });
    answer(200, { access_token: token, expires_in: 1800, token_type: 'Bearer' });
  };
  respond().catch(() => answer(500, { error: 'server_error' }));
}).listen(port, '127.0.0.1');
