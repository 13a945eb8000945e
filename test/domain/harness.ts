/** The domain with a real database and counters in either store, assembled like the core. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pool, PoolClient, QueryConfig } from 'pg';
import { loadConfig, type Settings } from '../../src/config/index.ts';
import { createDomain, type Domain as WholeDomain } from '../../src/container/domain.ts';
import type { Message } from '../../src/mail/index.ts';
import { openStores as connectTo, type Stores } from '../../src/storage/stores.ts';
import type { Actor } from '../../src/core/actor.ts';
import { currentRequest } from '../../src/core/current-request.ts';
import { createLogger } from '../../src/core/logger.ts';
import { Replies } from '../../src/core/replies.ts';
import { Secrets } from '../../src/core/secrets.ts';
import type { Logins } from '../../src/domain/login.ts';
import { createForeignHashes, createHashSecrets } from '../../src/domain/passwords/foreign.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/domain/passwords/hasher.ts';
import type { Counters } from '../../src/storage/counters.ts';
import type { InTransaction } from '../../src/storage/postgres/transaction.ts';
import type { Users } from '../../src/storage/users.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { redisUrl } from '../support/redis.ts';
import { passwords } from './passwords.ts';

export { errorOf } from './errors.ts';
export { passwords };

const logger = createLogger('silent');
const secrets = new Secrets('the secrets of a domain that is only tried out');

const lockoutSettings = {
  pair: { attempts: 5, wait: 30, maxWait: 900 },
  source: { attempts: 100, window: 3600 },
  account: { attempts: 50, window: 3600 },
};

/** An actor at `ip`, through the hosted pages. */
export const at = (ip: string | null): Actor => ({
  kind: 'anonymous',
  id: null,
  door: 'pages',
  ip,
  userAgent: 'jest',
  requestId: null,
});
export const operator: Actor = { ...at(null), kind: 'operator', id: 'root', door: 'cli' };

export const newEmail = (): string => `u${randomBytes(6).toString('hex')}@example.com`;

export const PUBLIC_URL = 'https://login.example.com';

/** A notice to the owner of an account. */
interface SentNotice {
  kind: string;
  accountId: string;
  about: object;
}

export interface Domain extends WholeDomain, Logins {
  pool: Pool;
  stores: Stores<Message>;
  replies: Replies;
  inTransaction: InTransaction;
  users: Users;
  counters: Counters;
  hasher: PasswordHasher;
  /** The notices in order, whether or not their transaction was committed. */
  sentNotices: SentNotice[];
  /** The outcomes reported to the metrics. */
  outcomes: string[];
  /** The accounts whose sessions were ended, in order. */
  ended: string[];
  /** The first words of each statement in a transaction. */
  statements: string[];
  /** Number of hash operations so far. */
  hashed: () => number;
  /** Moves the domain's clock by milliseconds. */
  advance: (by: number) => void;
}

export interface Options {
  counters?: 'postgres' | 'redis';
  passwords?: typeof passwords;
  lockout?: typeof lockoutSettings;
  registration?: { open: boolean };
  mfa?: Settings['mfa'];
  /** Stops the domain's clock at this time in milliseconds. Unless given, it runs. */
  now?: number;
  /** Whether notices go to the outbox, as in a server. Unless given, they are only recorded. */
  sendsMail?: boolean;
}

/** Counts the operations of `hasher`. */
function counted(hasher: PasswordHasher): { hasher: PasswordHasher; hashed: () => number } {
  let count = 0;
  const tick = <A extends unknown[], R>(work: (...args: A) => R) => {
    return (...args: A): R => {
      count += 1;
      return work(...args);
    };
  };
  const wrapped: PasswordHasher = {
    hash: tick((password, signal) => hasher.hash(password, signal)),
    verify: tick((phc, password, signal) => hasher.verify(phc, password, signal)),
    verifyDummy: tick((password, signal) => hasher.verifyDummy(password, signal)),
    hashDerived: tick((bytes, signal) => hasher.hashDerived(bytes, signal)),
    needsRehash: (stored, password) => hasher.needsRehash(stored, password),
    get running() {
      return hasher.running;
    },
    get waiting() {
      return hasher.waiting;
    },
  };
  return { hasher: wrapped, hashed: () => count };
}

/** The URLs of the stores. */
interface StoreUrls {
  databaseUrl: string;
  redisUrl: string | undefined;
}

/** Open one at a time in a test file: models are bound to the last one opened. @returns its URL. */
export const openDatabase = async (): Promise<string> => (await createDatabase()).url;

/** A database, a new one unless given, and Redis for the counters if wanted. */
export async function openStores(
  counters: 'postgres' | 'redis' = 'postgres',
  database = openDatabase(),
): Promise<StoreUrls> {
  return {
    databaseUrl: await database,
    redisUrl: counters === 'redis' ? await redisUrl() : undefined,
  };
}

/** Records the first words of every statement in a transaction, also those of models, in `statements`. */
const recorded =
  (inTransaction: InTransaction, statements: string[]): InTransaction =>
  (work) =>
    inTransaction(async (tx) => {
      const { connection } = tx as unknown as { connection: PoolClient };
      const query = connection.query.bind(connection) as (...args: unknown[]) => unknown;
      const note = (statement: string | QueryConfig, ...rest: unknown[]) => {
        const sql = typeof statement === 'string' ? statement : statement.text;
        const words = sql.trim().toLowerCase().replaceAll('"', '').split(/\s+/);
        statements.push(words.slice(0, 3).join(' '));
        return query(statement, ...rest);
      };
      connection.query = note as typeof connection.query;
      try {
        return await work(tx);
      } finally {
        connection.query = query as typeof connection.query;
      }
    });

/** Opens a domain on stores, new ones unless given, and closes it after the test file. */
export async function openDomain(
  options: Options = {},
  place = openStores(options.counters),
): Promise<Domain> {
  const { databaseUrl, redisUrl } = await place;
  const replies = new Replies(logger);
  const stores = await connectTo<Message>({
    databaseUrl,
    pooler: null,
    coordination: 'session',
    redisUrl,
    longestToken: 3600,
    secrets,
    replies,
    logger,
  });
  atEnd(() => stores.close());
  let offset = 0;
  stores.clock.now = () => (options.now ?? Date.now()) + offset;
  const statements: string[] = [];
  const inTransaction = recorded(stores.inTransaction, statements);
  const { hasher, hashed } = counted(
    createPasswordHasher(options.passwords ?? passwords, createHashSecrets(stores.passwordHashSecrets)),
  );
  const outcomes: string[] = [];
  const domain = createDomain({
    config: {
      ...loadConfig({ PUBLIC_URL }),
      passwords: options.passwords ?? passwords,
      lockout: options.lockout ?? lockoutSettings,
      registration: { verifyEmail: false, open: true, ...options.registration },
      mfa: options.mfa ?? { requiredForRoles: [], rememberDevice: 2_592_000 },
    },
    stores: { ...stores, inTransaction },
    hasher,
    foreignHashes: createForeignHashes({ secrets, store: stores.passwordHashSecrets, hasher }),
    secrets,
    clock: stores.clock,
    logger,
    onLogin: (outcome) => outcomes.push(outcome),
    onSource: undefined,
    onOldToken: undefined,
    upstreamName: () => undefined,
  });
  const { notices, sessionRevoker, verification } = domain;
  const sentNotices: SentNotice[] = [];
  const note = (kind: string) => async (account: { id: string }, about: unknown) =>
    void sentNotices.push({ kind, accountId: account.id, about: Object(about) as object });
  // Tests request verification themselves, so creating an account sends no mail.
  const real = { ...verification };
  verification.begin = note('verify-email');
  if (!options.sendsMail)
    Object.assign(notices, {
      passwordChanged: note('password-changed'),
      emailChanged: note('email-changed'),
      accountDeleted: note('account-deleted'),
      accountCleared: note('account-cleared'),
      factorAdded: note('factor-added'),
      factorRemoved: note('factor-removed'),
      recoveryCodeUsed: note('recovery-code-used'),
      newDevice: note('new-device'),
    });
  const ended: string[] = [];
  const { revokeAll } = sessionRevoker;
  sessionRevoker.revokeAll = (id, tx) => {
    ended.push(id);
    return revokeAll(id, tx);
  };
  const advance = (by: number) => void (offset += by);
  const { pool, users, counters } = stores;
  return {
    ...domain,
    ...domain.logins,
    verification: real,
    inTransaction,
    pool,
    stores,
    replies,
    users,
    counters,
    hasher,
    sentNotices,
    outcomes,
    ended,
    statements,
    hashed,
    advance,
  };
}

/** Runs `work` in a request whose reply is never sent. */
export async function withLostReply(work: () => Promise<unknown>): Promise<void> {
  const server = createServer(
    (_request, reply) =>
      void currentRequest.run({ reply, arrivedAt: Date.now(), patience: 8000 }, () =>
        work().finally(() => reply.destroy()),
      ),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
  server.close();
}
