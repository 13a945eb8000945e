import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as Connection } from 'pg';
import { loadConfig } from '../../../src/config/index.ts';
import { type Administration, createAdministration } from '../../../src/container/administration.ts';
import { type Core, createCore } from '../../../src/container/core.ts';
import { systemActor } from '../../../src/core/actor.ts';
import { createLogger } from '../../../src/core/logger.ts';
import type { NewApi } from '../../../src/domain/apis.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import { atEnd } from '../../support/cleanup.ts';
import { type Postern, type PosternOptions, startPostern } from '../../support/postern.ts';
import { createDatabase } from '../../support/postgres.ts';
import { redisUrl } from '../../support/redis.ts';

/** The two configurations of stores. */
export const STORES = ['PostgreSQL', 'PostgreSQL and Redis'] as const;

/** A registered client. A public one has an empty secret. */
export interface Client {
  id: string;
  secret: string;
  redirectUri: string;
}

export interface Person {
  id: string;
  email: string;
  username: string;
  password: string;
}

/** A running server, and a process on its stores that registers clients and people like an operator. */
export interface Provider {
  url: string;
  postern: Postern;
  operator: Core & Administration;
  createClient(metadata?: Record<string, unknown>, options?: { isPublic?: boolean }): Promise<Client>;
  createPerson(): Promise<Person>;
  /** Registers an API and waits until the server knows it. */
  createApi(api: Partial<NewApi> & { identifier: string }): Promise<void>;
  /** The first audit event of a type about an account. It may be written a moment after the reply. */
  audited(type: string, subject: string): Promise<Record<string, unknown>>;
  /** @returns the rows. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

export interface ProviderOptions extends PosternOptions {
  stores?: (typeof STORES)[number];
}

export const REDIRECT_URI = 'https://app.example.test/callback';

/** Cheap hashing: its cost is tested elsewhere. */
const CHEAP = { passwords: { argon2: { memory: 64, time: 1, parallelism: 1 } } };

export async function startProvider({
  stores = 'PostgreSQL and Redis',
  settings,
  ...rest
}: ProviderOptions = {}): Promise<Provider> {
  const databaseUrl = rest.databaseUrl ?? (await createDatabase()).url;
  const redis = rest.redisUrl ?? (stores === 'PostgreSQL' ? undefined : await redisUrl());
  const postern = await startPostern({
    ...rest,
    settings: { ...CHEAP, ...settings },
    databaseUrl,
    ...(redis === undefined ? {} : { redisUrl: redis }),
  });
  const core = await createCore(loadConfig(postern.env), {
    databaseUrl,
    secretsKey: postern.env['SECRETS_KEY'] ?? '',
    logger: createLogger('silent'),
  });
  atEnd(() => core.close());
  const operator = { ...core, ...createAdministration(core) };
  const connection = new Connection({ connectionString: databaseUrl });
  await connection.connect();
  connection.on('error', () => undefined);
  atEnd(() => connection.end());

  const sql: Provider['sql'] = async (text, values = []) =>
    (await connection.query<Record<string, unknown>>(text, values)).rows;

  return {
    url: postern.url,
    postern,
    operator,
    async createClient(metadata = {}, { isPublic = false } = {}) {
      const usesCode = !(metadata['grant_types'] as string[] | undefined)?.includes('client_credentials');
      const created = await operator.clients.create(shellOperator(systemActor), {
        name: 'Test client',
        isPublic,
        metadata: {
          ...(usesCode
            ? { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI] }
            : { redirect_uris: [], response_types: [] }),
          ...metadata,
        },
      });
      const [redirectUri = ''] = (created.client.metadata['redirect_uris'] ?? []) as string[];
      return { id: created.client.id, secret: created.secret ?? '', redirectUri };
    },
    async createPerson() {
      const username = `user-${randomBytes(6).toString('hex')}`;
      const email = `${username}@example.test`;
      const password = 'three unrelated words';
      const { id } = await operator.accounts.create(
        { username, email, password, name: 'Ada Lovelace', emailVerified: true },
        systemActor,
      );
      return { id, email, username, password };
    },
    async createApi(api) {
      const content = { name: api.identifier, scopes: ['read', 'write'], ...api };
      await operator.apis.save(shellOperator(systemActor), content);
      // Changes are announced: use the service account to wait until the server knows.
      const { client, secret } = await operator.clients.create(shellOperator(systemActor), {
        name: 'Probe',
        isPublic: false,
        metadata: { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
      });
      const probe = () =>
        fetch(`${postern.url}/oauth2/token`, {
          method: 'POST',
          headers: { authorization: `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'client_credentials', resource: api.identifier }),
        });
      while (!(await probe()).ok) await sleep(10);
    },
    async audited(type, subject) {
      for (;;) {
        const [event] = await sql('select * from audit_events where type = $1 and subject = $2', [
          type,
          subject,
        ]);
        if (event) return event;
        await sleep(20);
      }
    },
    sql,
  };
}
