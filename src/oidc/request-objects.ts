import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { mayBeSignedBy } from './clients/security-profiles.ts';
import type { ExtraClientProperties } from './clients/names.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;
type Claims = Record<string, unknown>;

/** `JWT` or no `typ`, as in OpenID Connect Core section 6.1; the other is that of RFC 9101. */
const TYPES = new Set(['jwt', 'oauth-authz-req+jwt']);

/** Whether a JWT's `typ` is one of them: a media type, in any case, with or without `application/` (RFC 7515 section 4.1.9). */
const isRequestType = (type: unknown): boolean =>
  type === undefined ||
  (typeof type === 'string' && TYPES.has(type.toLowerCase().replace(/^application\//, '')));

/** Maximum seconds between `nbf` and `exp` (FAPI 2.0 Message Signing section 5.3.1, FAPI-CIBA section 5.2.2). */
const MAX_LIFETIME = 3600;

const time = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

/**
 * Further rules for request objects (RFC 9101): not another JWT of the client (section 10.8), and a bounded lifetime under FAPI
 * 2.0 or for CIBA (Core section 7.1.1).
 * @throws InvalidRequestObject.
 */
export function assertRequestObject(
  { oidc }: KoaContextWithOIDC,
  claims: Claims,
  header: Claims,
  client: Client,
): void {
  const refuse = (problem: string): never => {
    throw new errors.InvalidRequestObject(`Request Object ${problem}`);
  };
  if (!isRequestType(header['typ'])) refuse("must have the 'typ' oauth-authz-req+jwt");
  if (claims['sub'] === client.clientId) refuse("must not have the client as 'sub'");
  const isFapi = oidc.isFapi('2.0') !== undefined;
  if (!mayBeSignedBy(header['alg'], client as ExtraClientProperties))
    refuse('must be signed by PS256, ES256 or EdDSA (FAPI 2.0 Security Profile section 5.4.1)');
  const isCiba = oidc.route === 'backchannel_authentication';
  const required = [
    ...(isFapi ? ['exp', 'aud', 'nbf'] : []),
    ...(isCiba ? ['exp', 'iat', 'nbf', 'jti'] : []),
  ];
  const missing = required.find((claim) => claims[claim] === undefined);
  if (missing !== undefined) refuse(`is missing the '${missing}' claim`);
  if (!isFapi && !isCiba) return;
  const life = time(claims['exp']) - time(claims['nbf']);
  if (!(life > 0 && life <= MAX_LIFETIME)) refuse("'exp' claim too far from 'nbf' claim");
}
