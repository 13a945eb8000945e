import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Target } from '../client/target.ts';
import { IMPORTED_PEOPLE, importedHashes } from '../imported.ts';
import { populateFactors } from './factors.ts';

export const postern = path.resolve(import.meta.dirname, '../../bin/postern.js');

export type Population = Omit<Target, 'port' | 'pid' | 'issuer'>;

const run = promisify(execFile);
const password = 'correct horse battery staple';
const redirectUri = 'https://app.example/callback';
const apis = { jwt: 'https://jwt.example', opaque: 'https://opaque.example' };
const PEOPLE = 32;
const SERVICES = 5000;

/** Creates what the scenarios need in Postern's database: one of each through the CLI, the rest as copies. */
export async function populate(env: NodeJS.ProcessEnv, databaseUrl: string): Promise<Population> {
  const cli = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await run(process.execPath, [postern, ...args, '--json'], { env });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  await cli('migrate');
  await cli('api', 'create', '--identifier', apis.jwt, '--name', 'JWT', '--format', 'jwt');
  await cli('api', 'create', '--identifier', apis.opaque, '--name', 'Opaque', '--format', 'opaque');
  const service = await cli('client', 'create', '--name', 'Service', '--grant', 'client_credentials');
  const webGrants = ['--grant', 'authorization_code', '--grant', 'refresh_token'];
  const web = await cli('client', 'create', '--name', 'Web', '--redirect-uri', redirectUri, ...webGrants);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [publicKey.export({ format: 'jwk' })] };
  const newClient = (line: string, ...more: string[]) => cli('client', 'create', ...line.split(' '), ...more);
  const byAssertion = '--name Asserting --grant client_credentials --auth-method private_key_jwt';
  const asserting = await newClient(byAssertion, '--metadata', JSON.stringify({ jwks }));
  const device = await newClient('--name TV --public --grant device-code');
  const exchanger = await newClient(
    `--name Gateway --grant token-exchange --exchange-impersonation --exchange-for ${apis.jwt}`,
    '--exchange-from',
    String(web['client_id']),
  );
  await cli(
    'user',
    'create',
    '--username',
    'person1',
    '--email',
    'person1@example.com',
    '--password',
    password,
  );
  const serviceId = String(service['client_id']);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await copy(client, serviceId);
  await moveIn(client);
  const factors = await populateFactors(client, env['SECRETS_KEY']!, password);
  await client.end();
  return {
    factors,
    people: Array.from({ length: PEOPLE }, (_, i) => ({ username: `person${i + 1}`, password })),
    services: {
      ids: [serviceId, ...Array.from({ length: SERVICES - 1 }, (_, i) => `service-${i + 2}`)],
      secret: String(service['client_secret']),
    },
    asserting: {
      id: String(asserting['client_id']),
      key: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    },
    device: { id: String(device['client_id']) },
    exchanger: { id: String(exchanger['client_id']), secret: String(exchanger['client_secret']) },
    web: { id: String(web['client_id']), secret: String(web['client_secret']), redirectUri },
    apis,
  };
}

async function copy(client: pg.Client, serviceId: string): Promise<void> {
  await client.query(
    `insert into clients (id, name, secret_hash, metadata)
     select 'service-' || n, name || ' ' || n, secret_hash, metadata from clients, generate_series(2, $2::int) n where id = $1`,
    [serviceId, SERVICES],
  );
  await client.query(
    `insert into users (id, username, username_key, email, email_key, roles, password_hash, password_changed_at)
     select gen_random_uuid(), 'person' || n, 'person' || n, 'person' || n || '@example.com', 'person' || n || '@example.com',
            roles, password_hash, password_changed_at
     from users, generate_series(2, $1::int) n where username = 'person1'`,
    [PEOPLE],
  );
}

/**
 * People with foreign password hashes. A trigger keeps the hashes, so that each login is like the first after an import.
 */
async function moveIn(client: pg.Client): Promise<void> {
  for (const [family, hash] of Object.entries(importedHashes)) {
    await client.query(
      `insert into users (id, username, username_key, email, email_key, roles, password_hash)
       select gen_random_uuid(), $1::text || '-' || n, $1 || '-' || n, $1 || '-' || n || '@example.com', $1 || '-' || n || '@example.com',
              roles, $2
       from users, generate_series(1, $3::int) n where username = 'person1'`,
      [family, hash, IMPORTED_PEOPLE],
    );
  }
  await client.query(`
    create function keep_imported() returns trigger language plpgsql as
      $$ begin new.password_hash := old.password_hash; return new; end $$;
    create trigger keep_imported before update on users for each row
      when (old.password_changed_at is null) execute function keep_imported()`);
}
