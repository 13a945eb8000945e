import type { Size } from '../size/seed.ts';

/** The server under load: where it listens and who can sign in. */
export interface Target {
  /** The loopback port. */
  port: number;
  /** The process that listens; its children are its workers. */
  pid: number;
  /** Host and X-Forwarded-Proto of every request, as a TLS-terminating proxy would send them. */
  issuer: string;
  people: Person[];
  factors: Factors;
  /** Clients for the client credentials grant; all have the same secret. */
  services: { ids: string[]; secret: string };
  /** A confidential client for codes and refresh tokens. */
  web: { id: string; secret: string; redirectUri: string };
  /** A client that authenticates by `private_key_jwt`: its private key as PEM. */
  asserting: { id: string; key: string };
  /** A public client for device codes. */
  device: { id: string };
  /** A client that may exchange the tokens of `web` without an actor token. */
  exchanger: { id: string; secret: string };
  /** Resource indicators (RFC 8707) of an API with JWT and of one with opaque access tokens. */
  apis: { jwt: string; opaque: string };
  /** What `--scenario size` filled the database with. */
  size?: Size;
}

export interface Person {
  username: string;
  password: string;
}

/** People whose login requires a second factor. The passkey at each index belongs to the person at that index. */
export interface Factors {
  people: Person[];
  /** Base32, the same for all. */
  totpSecret: string;
  /** Credential id and user handle, base64url. */
  passkeys: { id: string; handle: string }[];
  /** PEM, the same for all. */
  passkeyKey: string;
}
