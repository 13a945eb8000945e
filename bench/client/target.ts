import type { Size } from '../size/seed.ts';

/** A server under load as the scenarios see it: where it listens and who may log in there. */
export interface Target {
  /** The loopback port. */
  port: number;
  /** The process that listens; its children are its workers. */
  pid: number;
  /** What every request says in Host and X-Forwarded-Proto, so that a server behind https is asked as its proxy would. */
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
  /** A client that may exchange the tokens of `web`, saying nothing of itself. */
  exchanger: { id: string; secret: string };
  /** Resource indicators (RFC 8707) of an API with JWT and of one with opaque access tokens. */
  apis: { jwt: string; opaque: string };
  /** What its database was filled with, by `--scenario size`. */
  size?: Size;
}

export interface Person {
  username: string;
  password: string;
}

/** People whose login asks for a second factor; of the passkeys, each is that of the person in its place. */
export interface Factors {
  people: Person[];
  /** Base32, the same for all. */
  totpSecret: string;
  /** Base64url: what the credential and its owner are known by. */
  passkeys: { id: string; handle: string }[];
  /** PEM, the same for all. */
  passkeyKey: string;
}
