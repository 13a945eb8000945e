import { type Configuration, errors } from 'oidc-provider';
import type { Settings } from '../../config/index.ts';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import { ACCEPTED_ALGS } from '../../core/tokens.ts';
import type { OutboundFetch } from '../outbound/fetch.ts';
import { AssertionKeys } from '../tokens/assertion-keys.ts';
import { AHEAD, MAX_JTI } from './assertions.ts';

type Feature = NonNullable<NonNullable<Configuration['features']>['attestClientAuth']>;

/** How a client may authenticate by attestation: with its own proof or with its DPoP proof. */
export const ATTESTATION_METHODS = ['attest_jwt_client_auth', 'attest_jwt_client_auth_dpop'] as const;

/**
 * Attestation-Based Client Authentication (draft-ietf-oauth-attestation-based-client-auth-12): an attester that operators trust
 * says that an instance's key belongs to a client. Enabled while there is an attester.
 */
export function attestation(
  { attesters }: Settings['clientAttestation'],
  { fetch, secrets, clock }: { fetch: OutboundFetch; secrets: Secrets; clock: Clock },
): Feature {
  const keys = new AssertionKeys(fetch);
  const refuse = (reason: string): never => {
    throw new errors.InvalidClientAuth(`client attestation: ${reason}`);
  };
  return {
    enabled: attesters.length > 0,
    ack: 'draft-12',
    challengeSecret: secrets.key('client-attestation'),
    async getAttestationSignaturePublicKey(ctx, _header, { iss }, client) {
      // Without an issuer, it may be from any attester.
      const trusted = attesters.filter(
        ({ issuer, clients }) =>
          (iss === undefined || iss === issuer) &&
          (clients.length === 0 || clients.includes(client.clientId)),
      );
      const jwt = ctx.get('oauth-client-attestation');
      for (const { jwksUri } of trusted) {
        const key = await keys.keyOf(jwt, { jwksUri }, { algorithms: [...ACCEPTED_ALGS] });
        if (key) return key;
      }
      return refuse('is not from an attester that is trusted for this client');
    },
    async assertAttestationJwtAndPop(_ctx, attested, proof) {
      const latest = epochSeconds(clock) + AHEAD;
      if ([attested, proof].some(({ payload }) => Number(payload['iat']) > latest))
        refuse('was issued in the future (iat)');
      if (String(proof.payload['jti']).length > MAX_JTI)
        refuse(`jti must have at most ${MAX_JTI} characters`);
    },
  };
}
