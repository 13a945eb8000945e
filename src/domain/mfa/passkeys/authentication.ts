import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import type { Actor } from '../../../core/actor.ts';
import { isDomainError } from '../../../core/errors.ts';
import type { PasskeyKey } from '../../../storage/passkeys.ts';
import { sourceOfActor } from '../../source.ts';
import type { Method } from '../requirement.ts';
import type { MfaDependencies } from '../dependencies.ts';
import { CHALLENGE_TTL, type Challenges } from './challenges.ts';
import {
  type AssertionReply,
  checkAuthenticatorData,
  checkClientData,
  parseAssertion,
  refuse,
  relyingPartyOf,
  webauthn,
} from './replies.ts';

/** The account that presented a passkey, and the strength of the proof. */
interface PasskeyProof {
  accountId: string;
  method: Extract<Method, 'passkey' | 'security_key'>;
}

export interface PasskeyAuthentication {
  /** For `navigator.credentials.get`, once, within five minutes: any passkey of any account, with user verification. */
  loginOptions(): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /**
   * The same for the passkeys of one account, after its password.
   * @param options.verified whether its user must be verified.
   */
  secondFactorOptions(
    accountId: string,
    options?: { verified?: boolean },
  ): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /**
   * The account whose passkey answered options of `loginOptions`; with `accountId`, checks that it is this account's and
   * answered options of `secondFactorOptions`. One of concurrent attempts with one reply succeeds. Wrong ones are counted like
   * wrong passwords, by account and source.
   * @param reply the browser's JSON, unchecked.
   * @param options.verified whether its user must be verified; always for a whole login.
   * @throws DomainError invalid_passkey with a `PasskeyReason`, account_locked, unavailable.
   */
  authenticate(
    reply: unknown,
    accountId: string | null,
    actor: Actor,
    options?: { verified?: boolean },
  ): Promise<PasskeyProof>;
}

export function createPasskeyAuthentication(
  dependencies: MfaDependencies,
  challenges: Challenges,
): PasskeyAuthentication {
  const { passkeys, audit, lockout, clock } = dependencies;
  const relyingParty = relyingPartyOf(dependencies);

  const options = async (
    challenge: Uint8Array<ArrayBuffer>,
    allowCredentials: { id: string; transports: string[] }[],
    userVerification: 'required' | 'preferred',
  ) => {
    const { generateAuthenticationOptions } = await webauthn();
    const timeout = CHALLENGE_TTL * 1000;
    const { id: rpID } = relyingParty;
    return generateAuthenticationOptions({ rpID, challenge, timeout, allowCredentials, userVerification });
  };

  /** @returns the count and backup state that the authenticator signed. @throws DomainError invalid_passkey. */
  const verifySignature = async (
    { id, rawId, type, response }: AssertionReply,
    { publicKey }: PasskeyKey,
    challenge: string,
  ) => {
    const { verifyAuthenticationResponse } = await webauthn();
    const { clientDataJSON, authenticatorData, signature } = response;
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: relyingParty.origin,
      expectedRPID: relyingParty.id,
      // The update compares the new count with the stored one.
      credential: { id, publicKey: Uint8Array.from(publicKey), counter: 0 },
      requireUserVerification: false,
    }).catch((error: unknown) => refuse('signature', error));
    return verified ? authenticationInfo : refuse('signature');
  };

  const check = async (
    reply: AssertionReply,
    key: PasskeyKey | null,
    accountId: string | null,
    mustBeVerified: boolean,
  ): Promise<PasskeyProof> => {
    const { clientDataJSON, authenticatorData, userHandle } = reply.response;
    const challenge = checkClientData(clientDataJSON, 'webauthn.get', relyingParty);
    const data = Buffer.from(authenticatorData, 'base64url');
    const { verified } = checkAuthenticatorData(data, relyingParty);
    if (mustBeVerified && !verified) refuse('user_verification');
    const ceremony = accountId === null ? 'login' : 'second-factor';
    if (!(await challenges.redeem(ceremony, accountId, challenge))) refuse('challenge');

    if (!key || (accountId !== null && key.accountId !== accountId)) refuse('unknown');
    // The user handle: required when the account is not known yet (WebAuthn section 7.2, step 6).
    const handle = userHandle ?? (accountId === null ? null : key.handle);
    if (handle !== key.handle) refuse('unknown');
    const { newCounter: counter, credentialBackedUp: backedUp } = await verifySignature(
      reply,
      key,
      challenge,
    );
    const used = await passkeys.use(key.id, { counter, backedUp, at: new Date(clock.now()) });
    if (!used) refuse('counter');
    return { accountId: key.accountId, method: verified ? 'passkey' : 'security_key' };
  };

  return {
    loginOptions: () => options(challenges.issue('login', null), [], 'required'),
    async secondFactorOptions(accountId, { verified = false } = {}) {
      const allowed = (await passkeys.list(accountId)).map(({ credentialId, transports }) => ({
        id: credentialId,
        transports,
      }));
      const challenge = challenges.issue('second-factor', accountId);
      return options(challenge, allowed, verified ? 'required' : 'preferred');
    },
    async authenticate(value, accountId, actor, { verified = accountId === null } = {}) {
      const reply = parseAssertion(value);
      const key = await passkeys.findByCredentialId(reply.id);
      const subject = accountId ?? key?.accountId ?? null;
      const guess = {
        subject: `passkey:${subject ?? 'unknown'}`,
        accountId: subject,
        source: sourceOfActor(actor),
      };
      await lockout.check(guess);
      try {
        const proof = await check(reply, key, accountId, verified);
        await lockout.succeeded(guess);
        return proof;
      } catch (error) {
        if (!isDomainError(error, 'invalid_passkey')) throw error;
        const { reason } = error.details;
        // Don't count late or repeated replies, or keys without a PIN: they are not guesses.
        if (reason !== 'challenge' && reason !== 'user_verification') await lockout.failed(guess);
        const details = { method: 'passkey', reason };
        await audit.record({ type: 'factor.failed', outcome: 'failure', subject, details }, actor);
        throw error;
      }
    },
  };
}
