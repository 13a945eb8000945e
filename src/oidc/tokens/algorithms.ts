import type { Configuration } from 'oidc-provider';
import { SIGNING_ALGS } from '../../core/tokens.ts';

/** What others may sign for us: keys that they publish. Secrets are kept as hashes, so no HS*; `none` is no signature. */
const OTHERS_SIGN = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;

/** How keys are wrapped for whoever reads an encrypted reply. Not RSA1_5 (RFC 8725 section 3.2), not by a secret. */
const WRAP = ['ECDH-ES', 'ECDH-ES+A256KW', 'RSA-OAEP-256'] as const;

const CONTENT = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const;

/** The algorithms of RFC 7518 that are offered, by use: those that RFC 8725 and FAPI 2.0 still think well of, and RS256. */
export const ENABLED_JWA = {
  clientAuthSigningAlgValues: [...OTHERS_SIGN],
  requestObjectSigningAlgValues: [...OTHERS_SIGN],
  // A proof's key is made for it, so nobody is bound to RS256 by a key that there is already.
  dPoPSigningAlgValues: ['ES256', 'EdDSA', 'PS256'],
  idTokenSigningAlgValues: [...SIGNING_ALGS],
  userinfoSigningAlgValues: [...SIGNING_ALGS],
  introspectionSigningAlgValues: [...SIGNING_ALGS],
  authorizationSigningAlgValues: [...SIGNING_ALGS],
  idTokenEncryptionAlgValues: [...WRAP],
  idTokenEncryptionEncValues: [...CONTENT],
  userinfoEncryptionAlgValues: [...WRAP],
  userinfoEncryptionEncValues: [...CONTENT],
  introspectionEncryptionAlgValues: [...WRAP],
  introspectionEncryptionEncValues: [...CONTENT],
  authorizationEncryptionAlgValues: [...WRAP],
  authorizationEncryptionEncValues: [...CONTENT],
  // There is no key of ours to encrypt requests for: PAR keeps them from third eyes.
  requestObjectEncryptionAlgValues: [],
  requestObjectEncryptionEncValues: [],
} satisfies Configuration['enabledJWA'];
