/** The domain of mail over real stores: accounts, verification, reset and notices, and what they leave in the outbox. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PoolClient, QueryConfig } from 'pg';
import { createOutgoingMail } from '../../src/domain/outgoing-mail.ts';
import { createNotices } from '../../src/domain/notices/index.ts';
import { createMailLimit } from '../../src/domain/notices/mail-limit.ts';
import { createOwnership } from '../../src/domain/ownership/index.ts';
import { createPasswordPolicy } from '../../src/domain/passwords/policy.ts';
import { createPasswordReset } from '../../src/domain/reset/index.ts';
import { createVerification } from '../../src/domain/verification/index.ts';
import { newUuid } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/logger.ts';
import { Replies } from '../../src/core/replies.ts';
import { Secrets } from '../../src/core/secrets.ts';
import type { Message } from '../../src/mail/messages.ts';
import { audit } from '../../src/storage/audit.ts';
import { belongings } from '../../src/storage/belongings.ts';
import { createOneTimeTokens } from '../../src/storage/one-time-tokens.ts';
import { createOutbox } from '../../src/storage/outbox.ts';
import { Notifications } from '../../src/storage/postgres/notifications.ts';
import { transactions, type InTransaction } from '../../src/storage/postgres/transaction.ts';
import { createRevocation } from '../../src/storage/revocation.ts';
import { createSignIns } from '../../src/storage/sign-ins.ts';
import { createUnanswered } from '../../src/storage/unanswered.ts';
import { at, newEmail, openDomain, openStores, operator, passwords } from '../domain/harness.ts';
import { atEnd } from '../support/cleanup.ts';

export const PASSWORD = 'the right password';

const logger = createLogger('silent');
const secrets = new Secrets('a-key-for-the-tests-alone-0123456789abcdef');

export async function openMailDomain() {
  const stores = openStores();
  const domain = await openDomain({}, stores);
  const { pool, sequelize, counters } = await stores;
  const { users, lockout, hasher, passwordCheck, accounts } = domain;
  let offset = 0;
  const clock = { now: () => Date.now() + offset };
  const statements: string[] = [];
  const plain = transactions(sequelize, logger);
  /** Writes down what runs in transactions, of models too. */
  const inTransaction: InTransaction = (work) =>
    plain(async (tx) => {
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
  const notifications = new Notifications('postgres://unused', logger);
  atEnd(() => notifications.close());
  const outbox = createOutbox<Message>({ pool, secrets, notifications });
  const tokens = createOneTimeTokens(clock);
  const signIns = createSignIns(pool);
  const limit = createMailLimit(counters);
  const outgoingMail = createOutgoingMail({ outbox, counters, clock });
  const notices = createNotices({ outgoingMail, clock });
  const revocation = createRevocation({ pool, clock, logger, longestToken: 3600 });
  const replies = new Replies(logger);
  const unanswered = createUnanswered({ secrets, clock, replies });
  const ownership = createOwnership({
    users,
    tokens,
    belongings,
    sessions: { revokeAll: (accountId, tx) => revocation.endAccount(accountId, tx) },
    lockout,
    notices,
    audit,
    clock,
  });
  const policy = createPasswordPolicy(passwords);
  const shared = {
    ...ownership,
    users,
    tokens,
    unanswered,
    outgoingMail,
    notices,
    audit,
    inTransaction,
    limit,
    clock,
  };
  const verification = createVerification({ ...shared, passwordCheck });
  const reset = createPasswordReset({ ...shared, signIns, hasher, policy });
  /** The messages that wait, taken out, oldest first. */
  const mail = async (): Promise<Message[]> => {
    const all: Message[] = [];
    for (let one = await outbox.claim(60); one; one = await outbox.claim(60)) {
      all.push(one.content());
      await outbox.settle(one);
    }
    return all;
  };
  return {
    ...domain,
    inTransaction,
    statements,
    outbox,
    outgoingMail,
    tokens,
    notices,
    verification,
    reset,
    revocation,
    mail,
    /** Moves the clock of links, in milliseconds. */
    later: (by: number) => void (offset += by),
    account: (more: object = {}) =>
      accounts.create({ email: newEmail(), password: PASSWORD, name: 'Zoë', ...more }, operator),
    /** Does `work` for a request whose reply is never sent. */
    async withLostReply(work: () => Promise<unknown>): Promise<void> {
      const server = createServer(
        (_request, reply) => void replies.during(reply, () => work().finally(() => reply.destroy())),
      ).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
      server.close();
    },
    /** The token in the one message that waits. */
    async token(): Promise<string> {
      const messages = await mail();
      const [message] = messages;
      if (messages.length !== 1 || !message || !('link' in message)) {
        throw new Error(`no single link: ${JSON.stringify(messages)}`);
      }
      return message.link.token;
    },
    /** Something that runs for an account. @returns whether it still does. */
    async run(accountId: string): Promise<() => Promise<boolean>> {
      const grantId = newUuid();
      await pool.query(
        `insert into oidc_grants (id, account_id, client_id, payload, expires_at)
         values ($1, $2, 'app', '{}', now() + interval '1 day')`,
        [grantId, accountId],
      );
      return async () => !(await revocation.isRevoked({ jti: newUuid(), grantId, clientId: 'app' }));
    },
  };
}

let place = 0;
/** Somewhere nobody has been. */
export const somewhere = () => at(`10.1.${Math.floor((place += 1) / 250)}.${place % 250}`);
