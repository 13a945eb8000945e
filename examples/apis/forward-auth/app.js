import { createServer } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { ISSUER: issuer, AUDIENCE: audience, PORT } = process.env;

const keys = createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`));

/** What a proxy is told of a request's token: 204 with whose it is, or why not. */
async function check(request) {
  const [, token = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const scope = new URL(request.url, 'http://localhost').searchParams.get('scope');
  try {
    const checks = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] };
    const { payload } = await jwtVerify(token, keys, checks);
    if (!payload.scope?.split(' ').includes(scope))
      return [403, { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }];
    return [204, { 'X-Auth-Subject': payload.sub, 'X-Auth-Client': payload.client_id }];
  } catch (error) {
    if (error instanceof errors.JOSEError)
      return [401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }];
    return [503, {}];
  }
}

createServer(async (request, response) => {
  response.writeHead(...(await check(request))).end();
}).listen(PORT, '127.0.0.1');
