import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';

interface CreationOptions {
  challenge: string;
  rp: { id?: string };
  user: { id: string };
}

interface RequestOptions {
  challenge: string;
  rpId?: string;
}

interface Credential {
  id: Buffer;
  privateKey: KeyObject;
  /** COSE (RFC 9053 section 7.1.1). */
  publicKey: Buffer;
  userHandle: string;
  rpId: string;
  counter: number;
}

/** Deviations of a ceremony from the standard. */
export interface Ceremony {
  challenge?: string;
  origin?: string;
  rpId?: string;
  type?: string;
  crossOrigin?: boolean;
  userPresent?: boolean;
  userVerified?: boolean;
  /** Signature counter; unchanged by default. */
  counter?: number;
  userHandle?: string | null;
  /** Signs with another key. */
  forged?: boolean;
}

const FLAGS = { present: 0x01, verified: 0x04, backupEligible: 0x08, backedUp: 0x10, attested: 0x40 };
const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A software authenticator with its browser: ES256 keys, no attestation (WebAuthn level 3). */
export class Authenticator {
  readonly #origin: string;
  readonly credentials: Credential[] = [];

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** `navigator.credentials.create`, as JSON. */
  create(options: CreationOptions, ceremony: Ceremony = {}) {
    const { privateKey, publicKey } = newKey();
    const jwk = publicKey.export({ format: 'jwk' });
    const coordinate = (value = '') => Uint8Array.from(Buffer.from(value, 'base64url'));
    const cose = new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, coordinate(jwk.x)],
      [-3, coordinate(jwk.y)],
    ]);
    const credential: Credential = {
      id: randomBytes(16),
      privateKey,
      publicKey: Buffer.from(isoCBOR.encode(cose)),
      userHandle: options.user.id,
      rpId: options.rp.id ?? new URL(this.#origin).hostname,
      counter: ceremony.counter ?? 0,
    };
    this.credentials.push(credential);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(credential.id.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, credential.id, credential.publicKey]);
    const authData = this.#authenticatorData(credential, ceremony, attested);
    const attestation = new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', Uint8Array.from(authData)],
    ]);
    return {
      ...this.#envelope(credential),
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options.challenge, ceremony).toString(
          'base64url',
        ),
        attestationObject: Buffer.from(
          isoCBOR.encode(attestation as Parameters<typeof isoCBOR.encode>[0]),
        ).toString('base64url'),
        transports: ['internal'],
      },
    };
  }

  /** `navigator.credentials.get` with the newest credential, as JSON. */
  get(options: RequestOptions, ceremony: Ceremony = {}) {
    const credential = this.credentials.at(-1)!;
    credential.counter = ceremony.counter ?? credential.counter;
    const authData = this.#authenticatorData(credential, ceremony);
    const clientData = this.#clientData('webauthn.get', options.challenge, ceremony);
    const key = ceremony.forged ? newKey().privateKey : credential.privateKey;
    const { userHandle = credential.userHandle } = ceremony;
    return {
      ...this.#envelope(credential),
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: sign('sha256', Buffer.concat([authData, sha256(clientData)]), key).toString('base64url'),
        userHandle,
      },
    };
  }

  #envelope({ id }: Credential) {
    const credentialId = id.toString('base64url');
    return { id: credentialId, rawId: credentialId, type: 'public-key', clientExtensionResults: {} };
  }

  #clientData(expected: string, asked: string, ceremony: Ceremony): Buffer {
    const { type = expected, challenge = asked, origin = this.#origin, crossOrigin = false } = ceremony;
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin }));
  }

  #authenticatorData(credential: Credential, ceremony: Ceremony, attested = Buffer.alloc(0)): Buffer {
    const { rpId = credential.rpId, userPresent = true, userVerified = true } = ceremony;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(credential.counter);
    const flags =
      (userPresent ? FLAGS.present : 0) |
      (userVerified ? FLAGS.verified : 0) |
      (attested.length > 0 ? FLAGS.attested : 0) |
      FLAGS.backupEligible |
      FLAGS.backedUp;
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, attested]);
  }
}
