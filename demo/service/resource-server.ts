/**
 * A resource server: an API that takes Postern's JWT access tokens (RFC 9068). It verifies them by itself with the
 * keys that the provider publishes; the provider is not asked on each call.
 */
import Router from '@koa/router';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Context, Middleware } from 'koa';

export interface ResourceServerOptions {
  issuer: string;
  /** The identifier that this API is registered under: tokens must be for it (`aud`). */
  audience: string;
}

const reports = [{ id: 1, title: 'What the first quarter cost' }];

/** The API under `/api`. */
export async function createResourceServer({ issuer, audience }: ResourceServerOptions): Promise<Router> {
  const discovery = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  const { jwks_uri: jwksUri } = (await discovery.json()) as { jwks_uri: string };
  // Fetched when needed, kept, and fetched again when a token names a key that is not there: rotation just works.
  const keys = createRemoteJWKSet(new URL(jwksUri));

  /** The claims of the request's token; throws when it is not a valid one for this API. */
  const verify = async (ctx: Context): Promise<JWTPayload> => {
    const [, token = ''] = /^Bearer ([\w.-]+)$/i.exec(ctx.get('Authorization')) ?? [];
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti'],
    });
    return payload;
  };

  /** Lets a request in whose token has `scope`; says what is wrong with the others (RFC 6750 section 3). */
  const requires =
    (scope: string): Middleware =>
    async (ctx, next) => {
      const refuse = (status: number, error: string, parameters = '') => {
        ctx.status = status;
        ctx.set('WWW-Authenticate', `Bearer error="${error}"${parameters}`);
        ctx.body = { error };
      };
      try {
        ctx.state['token'] = await verify(ctx);
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
        return refuse(401, 'invalid_token');
      }
      const granted = String(ctx.state['token'].scope ?? '').split(' ');
      if (!granted.includes(scope)) return refuse(403, 'insufficient_scope', `, scope="${scope}"`);
      return next();
    };

  const router = new Router({ prefix: '/api' });
  router.get('/reports', requires('reports:read'), (ctx) => {
    ctx.body = { reports, caller: ctx.state['token'].client_id };
  });
  router.post('/reports', requires('reports:write'), (ctx) => {
    ctx.status = 201;
    ctx.body = {};
  });
  return router;
}
