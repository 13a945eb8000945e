import { createHash, createPrivateKey, sign } from 'node:crypto';
import { expectAccepted, expectStatus } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import type { Scenario } from './scenario.ts';

const PATH = '/sign-in/passkey';
/** Flags UP, UV, BE and BS (WebAuthn level 3, section 6.1), and a signature counter of zero. */
const FLAGS_AND_COUNT = Buffer.from('1d00000000', 'hex');

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();

/** A login by passkey alone: requests the options and posts the assertion of a P-256 authenticator. */
export const loginPasskey: Scenario = async (target, connection, index) => {
  const { passkeys, passkeyKey } = target.factors;
  const { id, handle: userHandle } = passkeys[index % passkeys.length]!;
  const key = createPrivateKey(passkeyKey);
  const authenticatorData = Buffer.concat([sha256(new URL(target.issuer).hostname), FLAGS_AND_COUNT]);
  const stranger = await newStranger(target, connection);

  const answerTo = (challenge: string) => {
    const clientData = Buffer.from(
      JSON.stringify({ type: 'webauthn.get', challenge, origin: target.issuer, crossOrigin: false }),
    );
    const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), key);
    const response = {
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle,
    };
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
  };
  return async () => {
    const options = await connection.get(PATH, { headers: stranger.headers() });
    expectStatus(options, 200, 'passkey options');
    const { challenge } = JSON.parse(options.body) as { challenge: string };
    const message = stranger.form({ passkey: JSON.stringify(answerTo(challenge)) });
    expectAccepted(await connection.post(PATH, message), 'passkey login');
  };
};
