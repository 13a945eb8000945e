import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { basic, expectStatus } from '../client/connection.ts';
import { endpoints, type Scenario } from './scenario.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs a JWS with ES256 as cheaply as possible, so that the load generator is not the bottleneck. */
function signed(header: object, payload: object, key: KeyObject): string {
  const input = `${part({ alg: 'ES256', ...header })}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const now = (): number => Math.floor(Date.now() / 1000);

/** Client credentials with `private_key_jwt` (RFC 7523), a new assertion each time. */
export const privateKeyJwt: Scenario = async ({ asserting: { id, key }, issuer, apis }, connection) => {
  const privateKey = createPrivateKey(key);
  return async () => {
    const claims = { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat: now(), exp: now() + 60 };
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      resource: apis.jwt,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signed({}, claims, privateKey),
    });
    expectStatus(await connection.post(endpoints.token, { form }), 200, 'private_key_jwt');
  };
};

/** Client credentials with DPoP (RFC 9449), a new proof each time. */
export const dpop: Scenario = async ({ services, issuer, apis }, connection) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const header = { typ: 'dpop+jwt', jwk: publicKey.export({ format: 'jwk' }) };
  const authorization = basic(services.ids[0]!, services.secret);
  const form = new URLSearchParams({ grant_type: 'client_credentials', resource: apis.jwt });
  return async () => {
    const claims = { htm: 'POST', htu: issuer + endpoints.token, jti: randomUUID(), iat: now() };
    const headers = { authorization, dpop: signed(header, claims, privateKey) };
    const reply = await connection.post(endpoints.token, { headers, form });
    expectStatus(reply, 200, 'dpop');
    if (!reply.body.includes('"token_type":"DPoP"')) throw new Error(`not bound: ${reply.body}`);
  };
};
