import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { generateSecret } from 'otplib';
import type { Client } from 'pg';
import { Secrets } from '../../src/core/secrets.ts';
import type { Factors } from '../client/target.ts';

/** Enough people that each login has an unused time step: a TOTP code is accepted once. */
const PEOPLE = 2000;

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** A P-256 public key as COSE (RFC 9053 section 7.1.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}. */
function coseOf({ x, y }: { x?: string; y?: string }): Buffer {
  const [head, between] = [Buffer.from('a5010203262001215820', 'hex'), Buffer.from('225820', 'hex')];
  return Buffer.concat([head, Buffer.from(x!, 'base64url'), between, Buffer.from(y!, 'base64url')]);
}

/**
 * Creates people with an authenticator app and a passkey as copies of `person1`. All share one TOTP secret and one
 * key pair.
 */
export async function populateFactors(
  client: Client,
  secretsKey: string,
  password: string,
): Promise<Factors> {
  const numbers = Array.from({ length: PEOPLE }, (_, i) => i + 1);
  const ids = numbers.map(() => randomUUID());
  const usernames = numbers.map((n) => `factors${n}`);
  const passkeys = numbers.map((n) => ({
    id: base64url(`credential-${n}`),
    handle: base64url(`handle-${n}`),
  }));
  await client.query(
    `insert into users (id, username, username_key, email, email_key, roles, password_hash, password_changed_at)
     select n.id, n.name, n.name, n.name || '@example.com', n.name || '@example.com', roles, password_hash, password_changed_at
     from users, unnest($1::uuid[], $2::text[]) as n (id, name) where username = 'person1'`,
    [ids, usernames],
  );
  const totpSecret = generateSecret();
  await client.query(
    `insert into totp_authenticators (id, account_id, name, secret)
     select gen_random_uuid(), id, 'App', $2 from unnest($1::uuid[]) as n (id)`,
    [ids, new Secrets(secretsKey).seal('totp', totpSecret)],
  );
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await client.query(
    'insert into passkey_handles (account_id, handle) select * from unnest($1::uuid[], $2::text[])',
    [ids, passkeys.map(({ handle }) => handle)],
  );
  await client.query(
    `insert into passkeys (id, account_id, name, credential_id, public_key, counter, transports, backed_up)
     select gen_random_uuid(), n.account, 'Phone', n.credential, $3, 0, '{internal}', true
     from unnest($1::uuid[], $2::text[]) as n (account, credential)`,
    [ids, passkeys.map(({ id }) => id), coseOf(publicKey.export({ format: 'jwk' }))],
  );
  return {
    people: usernames.map((username) => ({ username, password })),
    totpSecret,
    passkeys,
    passkeyKey: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  };
}
