import express from 'express';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { ISSUER: issuer, AUDIENCE: audience, PORT } = process.env;

// Fetched when needed, kept, and fetched again when a token names a key that is not there.
const keys = createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`));

/** Lets a request in whose token is for this API and has `scope` (RFC 6750 section 3.1). */
const requires = (scope) => async (req, res, next) => {
  const refuse = (status, error) =>
    res.status(status).set('WWW-Authenticate', `Bearer error="${error}"`).json({ error });
  const [, token = ''] = /^Bearer (\S+)$/i.exec(req.get('Authorization') ?? '') ?? [];
  try {
    const checks = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] };
    ({ payload: req.token } = await jwtVerify(token, keys, checks));
  } catch (error) {
    if (error instanceof errors.JOSEError) return refuse(401, 'invalid_token');
    throw error;
  }
  return req.token.scope?.split(' ').includes(scope) ? next() : refuse(403, 'insufficient_scope');
};

const app = express();
app.get('/orders', requires('orders:read'), (req, res) => {
  res.json({ subject: req.token.sub, client: req.token.client_id });
});
app.listen(PORT, '127.0.0.1');
