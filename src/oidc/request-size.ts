import { errors, type KoaContextWithOIDC } from 'oidc-provider';

/** Characters of values that only their client knows a use for. */
const LONGEST = { state: 512, nonce: 256 } as const;

/**
 * Bytes that a request may take in the store until somebody has signed in: what anybody can send, and what a client has
 * answered for by authenticating when it pushed the request (RFC 9126), or asks for by itself.
 */
const MOST = { anybody: 1_200, client: 4_096 };

const AUTHENTICATED = new Set([
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
]);

/** Whether the client has shown, for this request, that it is the client. */
function isFromClient({ oidc }: KoaContextWithOIDC): boolean {
  if (AUTHENTICATED.has(oidc.route)) return oidc.client?.clientAuthMethod !== 'none';
  return (oidc.entities.PushedAuthorizationRequest as { trusted?: unknown } | undefined)?.trusted === true;
}

/**
 * Bounds an authorization request, in whatever form it came, before it is kept for a person to answer.
 * @throws InvalidRequest.
 */
export function checkRequestSize(ctx: KoaContextWithOIDC): void {
  const params = ctx.oidc.params ?? {};
  for (const [name, longest] of Object.entries(LONGEST)) {
    const value = params[name];
    if (typeof value === 'string' && value.length > longest)
      throw new errors.InvalidRequest(`${name} must not be longer than ${longest} characters`);
  }
  // The library keeps these once more, with what it asks of the person.
  const twice = ['login_hint', 'id_token_hint'].map((name) => params[name] ?? '');
  const size = Buffer.byteLength(JSON.stringify(params) + twice.join(''));
  const most = isFromClient(ctx) ? MOST.client : MOST.anybody;
  if (size > most)
    throw new errors.InvalidRequest(
      `the request takes ${size} bytes, more than ${most}: push it as an authenticated client`,
    );
}
