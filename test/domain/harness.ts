/** The domain over a real database, and counters in either store, as the container puts it together. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { Settings } from '../../src/config/index.ts';
import { createLockout, type Lockout } from '../../src/domain/lockout.ts';
import { createLogin, type Logins } from '../../src/domain/login.ts';
import { createLoginSteps } from '../../src/domain/login-steps.ts';
import { createMfa, type Mfa } from '../../src/domain/mfa/index.ts';
import { createOwnership } from '../../src/domain/ownership/index.ts';
import { createPasswordCheck, type PasswordCheck } from '../../src/domain/passwords/check.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/domain/passwords/hasher.ts';
import { createPasswordPolicy } from '../../src/domain/passwords/policy.ts';
import { createAccounts, type Accounts } from '../../src/domain/users/index.ts';
import type { Actor } from '../../src/core/actor.ts';
import { createLogger } from '../../src/core/logger.ts';
import { Replies } from '../../src/core/replies.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { audit } from '../../src/storage/audit.ts';
import { postgresCounters, type Counters } from '../../src/storage/counters.ts';
import { createFactorStores } from '../../src/storage/factors.ts';
import { belongings } from '../../src/storage/belongings.ts';
import { identities } from '../../src/storage/identities.ts';
import { createOneTimeTokens } from '../../src/storage/one-time-tokens.ts';
import { lockFirstAdmin } from '../../src/storage/first-admin-lock.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createSequelize } from '../../src/storage/postgres/sequelize.ts';
import { transactions, type Tx } from '../../src/storage/postgres/transaction.ts';
import { createRedis } from '../../src/storage/redis/client.ts';
import { redisCounters } from '../../src/storage/redis/counters.ts';
import { createSignIns } from '../../src/storage/sign-ins.ts';
import { createUnanswered } from '../../src/storage/unanswered.ts';
import { createUsedSteps } from '../../src/storage/used-steps.ts';
import { createUsers, type Users } from '../../src/storage/users.ts';
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

/** Somebody at `ip`, through the hosted pages. */
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

/** What the owner of an account was told of. */
interface Told {
  kind: string;
  accountId: string;
  about: object;
}

export interface Domain extends Logins {
  pool: Pool;
  users: Users;
  counters: Counters;
  lockout: Lockout;
  hasher: PasswordHasher;
  passwordCheck: PasswordCheck;
  accounts: Accounts;
  mfa: Mfa;
  /** The notices, in order, whether or not their transaction has committed. */
  told: Told[];
  /** The outcomes that the metrics heard of. */
  outcomes: string[];
  /** The accounts whose sessions were ended, in order. */
  ended: string[];
  /** Hash operations so far. */
  hashed: () => number;
  /** Moves the domain's clock, in milliseconds. */
  advance: (by: number) => void;
}

export interface Options {
  counters?: 'postgres' | 'redis';
  passwords?: typeof passwords;
  lockout?: typeof lockoutSettings;
  registration?: { open: boolean };
  mfa?: Settings['mfa'];
  /** When the domain's clock stands still; it runs unless given. Milliseconds. */
  now?: number;
}

/** Counts what `hasher` does. */
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
    needsRehash: (phc) => hasher.needsRehash(phc),
    get running() {
      return hasher.running;
    },
    get waiting() {
      return hasher.waiting;
    },
  };
  return { hasher: wrapped, hashed: () => count };
}

/** One at a time: models are bound to the one that was opened last. */
export async function openDatabase() {
  const { url } = await createDatabase();
  const pool = createPool(url, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  const sequelize = createSequelize(pool, secrets);
  return { pool, sequelize };
}

export async function openStores(counters: 'postgres' | 'redis' = 'postgres', database = openDatabase()) {
  const { pool, sequelize } = await database;
  if (counters === 'postgres') return { pool, sequelize, counters: postgresCounters(pool) };
  const redis = createRedis(await redisUrl(), logger);
  atEnd(async () => redis.disconnect());
  return { pool, sequelize, counters: redisCounters(redis) };
}

/** Opens a domain on stores, its own unless given; it is closed when the test file is through. */
export async function openDomain(
  options: Options = {},
  stores = openStores(options.counters),
): Promise<Domain> {
  const { pool, sequelize, counters } = await stores;
  const users = createUsers(pool);
  const signIns = createSignIns(pool);
  const factorStores = createFactorStores({ pool, secrets });
  const inTransaction = transactions(sequelize, logger);
  let offset = 0;
  const clock = { now: () => (options.now ?? Date.now()) + offset };
  const replies = new Replies(logger);
  const unanswered = createUnanswered({ secrets, clock, replies });
  const { hasher, hashed } = counted(createPasswordHasher(options.passwords ?? passwords));
  const lockout = createLockout({ counters, signIns, clock, settings: options.lockout ?? lockoutSettings });
  const passwordCheck = createPasswordCheck({ hasher, lockout });
  const ended: string[] = [];
  const outcomes: string[] = [];
  const told: Told[] = [];
  const note = (kind: string) => async (account: { id: string }, about: unknown) =>
    void told.push({ kind, accountId: account.id, about: Object(about) as object });
  const sessions = {
    async revokeAll(id: string, tx: Tx) {
      ended.push(id);
      await factorStores.trustedDevices.deleteAll(id, tx);
      await users.advanceSecurity(id, tx);
    },
  };
  const notices = {
    passwordChanged: note('password-changed'),
    emailChanged: note('email-changed'),
    accountDeleted: note('account-deleted'),
    accountCleared: note('account-cleared'),
  };
  const tokens = createOneTimeTokens(clock);
  const ownership = createOwnership({
    users,
    tokens,
    belongings,
    sessions,
    lockout,
    notices,
    audit,
    clock,
  });
  const accounts = createAccounts({
    ...ownership,
    users,
    identities,
    audit,
    inTransaction,
    lockFirstAdmin,
    hasher,
    policy: createPasswordPolicy(options.passwords ?? passwords),
    passwordCheck,
    sessions,
    lockout,
    notices,
    verification: { begin: note('verify-email') },
    unanswered,
    clock,
    registration: options.registration ?? { open: true },
  });
  const mfa = createMfa({
    users,
    ...factorStores,
    unanswered,
    audit,
    inTransaction,
    lockout,
    counters,
    secrets,
    clock,
    notices: {
      factorAdded: note('factor-added'),
      factorRemoved: note('factor-removed'),
      recoveryCodeUsed: note('recovery-code-used'),
    },
    settings: options.mfa ?? { requiredForRoles: [], rememberDevice: 2_592_000 },
    name: 'Postern',
    publicUrl: PUBLIC_URL,
  });
  const logins = createLogin({
    users,
    signIns,
    audit,
    inTransaction,
    hasher,
    passwordCheck,
    mfa,
    notices: { newDevice: note('new-device') },
    steps: createLoginSteps({
      users,
      usedSteps: createUsedSteps(replies),
      inTransaction,
      secrets,
      clock,
    }),
    clock,
    onLogin: (outcome) => outcomes.push(outcome),
  });
  const advance = (by: number) => void (offset += by);
  const parts = { pool, users, counters, lockout, hasher, passwordCheck, accounts, mfa };
  return { ...parts, ...logins, told, outcomes, ended, hashed, advance };
}
