import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import type { Actor } from '../../../core/actor.ts';
import { isDomainError } from '../../../core/errors.ts';
import { newUuid } from '../../../core/ids.ts';
import type { PasskeyRecord } from '../../../storage/passkeys.ts';
import { present } from '../../users/user.ts';
import type { MfaDependencies } from '../dependencies.ts';
import { type FactorChanges, parseFactorName } from '../factor-changes.ts';
import { CHALLENGE_TTL, type Challenges } from './challenges.ts';
import {
  checkAuthenticatorData,
  checkClientData,
  parseRegistration,
  passkeysWorkAt,
  refuse,
  type RegistrationReply,
  relyingPartyOf,
  webauthn,
  webauthnHelpers,
} from './replies.ts';

export interface PasskeyRegistration {
  /**
   * For `navigator.credentials.create`, once, within five minutes. A security key without PIN or room for resident keys is
   * accepted: it works after a password.
   * @param options.verified whether its user must be verified, by PIN or biometrics.
   * @throws DomainError user_not_found; email_unverified while the owner is unproven; invalid_passkey with the reason
   *   unsupported where passkeys are impossible.
   */
  registrationOptions(
    accountId: string,
    options?: { verified?: boolean },
  ): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /**
   * Adds a passkey created with such options.
   * @param reply the browser's JSON, unchecked.
   * @param options as given for `registrationOptions`; and the security version that the account must have, if it matters.
   * @returns the passkey; recovery codes, shown this once, when it is the account's first factor; and the account's new version.
   * @throws DomainError invalid_token when it has another version, invalid_passkey with a `PasskeyReason`, user_not_found,
   *   invalid_request (with the reason too_many, or for the name), unavailable.
   */
  register(
    accountId: string,
    reply: unknown,
    name: string,
    actor: Actor,
    options?: { verified?: boolean; expected?: number },
  ): Promise<{ passkey: PasskeyRecord; recoveryCodes: string[] | null; securityVersion: number }>;
}

/** COSE: EdDSA, ES256, RS256. Every authenticator supports one of them. */
const ALGORITHMS = [-8, -7, -257];

export function createPasskeyRegistration(
  dependencies: MfaDependencies,
  challenges: Challenges,
  changes: FactorChanges,
): PasskeyRegistration {
  const { users, passkeys } = dependencies;
  const relyingParty = relyingPartyOf(dependencies);

  /** Parses the attestation. @throws DomainError invalid_passkey. */
  const verify = async ({ id, rawId, type, response }: RegistrationReply, challenge: string) => {
    const [{ verifyRegistrationResponse }, { decodeAttestationObject }] = await Promise.all([
      webauthn(),
      webauthnHelpers(),
    ]);
    try {
      const attestation = Uint8Array.from(Buffer.from(response.attestationObject, 'base64url'));
      checkAuthenticatorData(decodeAttestationObject(attestation).get('authData'), relyingParty);
      const { clientDataJSON, attestationObject } = response;
      const { registrationInfo } = await verifyRegistrationResponse({
        response: {
          id,
          rawId,
          type,
          response: { clientDataJSON, attestationObject },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        expectedOrigin: relyingParty.origin,
        expectedRPID: relyingParty.id,
        requireUserVerification: false,
        supportedAlgorithmIDs: ALGORITHMS,
      });
      return registrationInfo ?? refuse('signature');
    } catch (error) {
      return isDomainError(error) ? Promise.reject(error) : refuse('malformed', error);
    }
  };

  return {
    async registrationOptions(accountId, { verified = false } = {}) {
      if (!passkeysWorkAt(dependencies.publicUrl)) refuse('unsupported');
      const account = present(await users.findById(accountId));
      await changes.admit(account);
      const { id, email, username, name } = account;
      const [{ generateRegistrationOptions }, handle, known] = await Promise.all([
        webauthn(),
        passkeys.handleOf(id),
        passkeys.list(id),
      ]);
      return generateRegistrationOptions({
        rpID: relyingParty.id,
        rpName: dependencies.serviceName(),
        userID: Uint8Array.from(Buffer.from(handle, 'base64url')),
        userName: email,
        userDisplayName: name ?? username ?? email,
        challenge: challenges.issue('register', id),
        timeout: CHALLENGE_TTL * 1000,
        attestationType: 'none',
        excludeCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
        authenticatorSelection: {
          residentKey: 'preferred',
          userVerification: verified ? 'required' : 'preferred',
        },
        supportedAlgorithmIDs: ALGORITHMS,
      });
    },
    async register(accountId, reply, input, actor, { verified = false, expected } = {}) {
      const name = parseFactorName(input);
      const registration = parseRegistration(reply);
      const challenge = checkClientData(
        registration.response.clientDataJSON,
        'webauthn.create',
        relyingParty,
      );
      if (!(await challenges.redeem('register', accountId, challenge))) refuse('challenge');
      const { credential, credentialBackedUp, userVerified } = await verify(registration, challenge);
      if (verified && !userVerified) refuse('user_verification');
      const { added, ...rest } = await changes.add(
        accountId,
        'passkey',
        async (tx) => {
          const passkey = {
            id: newUuid(),
            accountId,
            name,
            credentialId: credential.id,
            publicKey: credential.publicKey,
            counter: credential.counter,
            transports: registration.response.transports ?? [],
            backedUp: credentialBackedUp,
          };
          return (await passkeys.create(passkey, tx)) ?? refuse('already_registered');
        },
        actor,
        expected,
      );
      return { passkey: added, ...rest };
    },
  };
}
