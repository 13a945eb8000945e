import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JWK } from 'jose';
import type { Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { type Override, shape } from '../overrides/override.ts';

type IdToken = Provider['IdToken'];

/**
 * ID tokens serve as hints long after they have expired (OpenID Connect RP-Initiated Logout 1.0 section 2), even after their key
 * has left the JWKS. By then everything it signed has expired; anything unexpired is rejected.
 * @param retired public keys that are no longer published
 */
function installIdTokenHints(provider: Provider, retired: JWK[], clock: Clock): void {
  const { IdToken } = provider;
  const validate: IdToken['validate'] = IdToken.validate.bind(IdToken);
  const keys = createLocalJWKSet({ keys: retired });
  const isRetired = (kid: string | undefined) => retired.some((key) => key.kid === kid);

  const ofRetiredKey: IdToken['validate'] = async (jwt, client) => {
    const { payload, protectedHeader } = await jwtVerify(jwt, keys, {
      issuer: provider.issuer,
      audience: client.clientId,
      algorithms: [client.idTokenSignedResponseAlg ?? ''],
      requiredClaims: ['sub', 'exp'],
      currentDate: new Date(0),
    });
    if ((payload.exp ?? Infinity) * 1000 > clock.now()) throw new TypeError('it outlives its key');
    return { header: protectedHeader, payload };
  };
  Object.assign(IdToken, {
    validate: async (...[jwt, client]: Parameters<IdToken['validate']>) =>
      isRetired(decodeProtectedHeader(jwt).kid) ? ofRetiredKey(jwt, client) : validate(jwt, client),
  });
}

export const idTokenHints: Override<{ keys: { retiredJwks: JWK[] }; clock: Clock }> = {
  name: 'id-token-hints',
  why: 'the library accepts no ID token as a hint after its key has left the JWK Set',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('IdToken.validate'),
  install: (provider, { keys, clock }) => installIdTokenHints(provider, keys.retiredJwks, clock),
};
