import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

/** A person at the other provider, as in its answers. */
export type Claims = Record<string, unknown>;

/** An independent provider: OpenID Connect below /oidc, plain OAuth 2.0 below /oauth. It can misbehave. */
export interface OtherProvider {
  url: string;
  /** The person signed in there. */
  who: Claims;
  /** Overrides parameters of its redirect back; null removes one. */
  back: Record<string, string | null>;
  /** Overrides claims of the ID token. */
  idToken: { iss?: string; aud?: string; nonce?: string };
  /** Whether it signs with an unpublished key. */
  forges: boolean;
  /** A status for the token endpoint to answer instead. */
  tokenStatus: number | null;
  /** A status for the endpoint that identifies people to answer instead. */
  userStatus: number | null;
  /** The last authorization request. */
  asked: URLSearchParams;
  reset(): void;
}

const read = async (req: IncomingMessage): Promise<URLSearchParams> => {
  let body = '';
  for await (const chunk of req) body += String(chunk);
  return new URLSearchParams(body);
};
const json = (res: ServerResponse, status: number, body: unknown) =>
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

export async function startOtherProvider(): Promise<OtherProvider> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const issuer = `${url}/oidc`;
  const [own, foreign] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
  const jwks = { keys: [{ ...(await exportJWK(own.publicKey)), kid: 'own', alg: 'ES256', use: 'sig' }] };
  const pending = new Map<string, URLSearchParams>();
  const fresh = () => ({
    who: {},
    back: {},
    idToken: {},
    forges: false,
    tokenStatus: null,
    userStatus: null,
  });
  const other: OtherProvider = {
    url,
    ...fresh(),
    asked: new URLSearchParams(),
    reset: () => void Object.assign(other, fresh()),
  };

  const authorize = (query: URLSearchParams, res: ServerResponse) => {
    other.asked = query;
    const code = `code-${pending.size}`;
    pending.set(code, query);
    const target = new URL(query.get('redirect_uri') ?? '');
    const answer = { code, state: query.get('state'), ...other.back };
    for (const [name, value] of Object.entries(answer))
      if (value !== null) target.searchParams.set(name, value);
    res.writeHead(303, { location: target.href }).end();
  };

  const token = async (req: IncomingMessage, res: ServerResponse, isOpenId: boolean) => {
    const form = await read(req);
    if (other.tokenStatus !== null) return json(res, other.tokenStatus, { error: 'invalid_grant' });
    const query = pending.get(form.get('code') ?? '');
    pending.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!query || challenge !== query.get('code_challenge'))
      return json(res, 400, { error: 'invalid_grant' });
    const reply = { access_token: 'opaque', token_type: 'bearer', scope: '' };
    if (!isOpenId) return json(res, 200, reply);
    const idToken = await new SignJWT({
      nonce: query.get('nonce'),
      ...other.who,
      ...other.idToken,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'own' })
      .setIssuer(other.idToken.iss ?? issuer)
      .setAudience(other.idToken.aud ?? query.get('client_id') ?? '')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(other.forges ? foreign.privateKey : own.privateKey);
    return json(res, 200, { ...reply, id_token: idToken });
  };

  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', url);
    if (pathname.endsWith('/authorize')) authorize(searchParams, res);
    else if (pathname === '/oauth/token') void token(req, res, false);
    else if (pathname === '/oidc/token') void token(req, res, true);
    else if (pathname === '/oauth/user') json(res, other.userStatus ?? 200, other.who);
    else if (pathname === '/oidc/jwks') json(res, 200, jwks);
    else if (pathname === '/oidc/.well-known/openid-configuration')
      json(res, 200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      });
    else json(res, 404, {});
  });
  await listenUntilEnd(server, port, 'localhost');
  return other;
}
