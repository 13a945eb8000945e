import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Logger } from '../../core/logger.ts';
import { PostgresClient } from './client.ts';
import type { Executor } from './executor.ts';
import type { Coordination } from './locks.ts';
import { connectionOptions } from './pool.ts';
import { PATIENT } from './readiness.ts';
import type { Tx } from './transaction.ts';

/** The channel of all notifications; each is `topic:key`. */
export const CHANNEL = 'postern';

/** Milliseconds between two checks of the connection, which can break without a signal. */
const HEARTBEAT = 15_000;

/** Milliseconds between two looks for announcements, where there is no LISTEN. */
const POLL = 1_000;

/** When a transaction commits later than this after its announcement, others notice only with the next one. */
const RECENT = "select id, topic, key from announcements where at > now() - interval '2 minutes' order by at";

const BACKOFF = { first: 100, last: 5_000 };

/** Announces a change to every node when the transaction commits. */
export type Announce = (tx: Tx) => Promise<void>;

/** Receives the key that changed, or null when any may have changed while the connection was lost. */
export type Listener = (key: string | null) => void;

/**
 * Announces changes under a topic to every node, this one included, by LISTEN and NOTIFY, or by a table that each node
 * reads every second. Announcing in a transaction needs no `connect`.
 */
export class Notifications {
  readonly #databaseUrl: string;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closed = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #coordination: Coordination;
  /** Announcements already seen. */
  #heard = new Set<string>();
  #poll: NodeJS.Timeout | undefined;
  #client: Client | null = null;

  constructor(databaseUrl: string, logger: Logger, coordination: Coordination = 'session') {
    this.#coordination = coordination;
    this.#databaseUrl = databaseUrl;
    this.#logger = logger;
    this.#heartbeat = setInterval(() => {
      const client = this.#client;
      client?.query('select 1').catch(() => client.end());
    }, HEARTBEAT);
    this.#heartbeat.unref();
  }

  /**
   * Connects and listens; call it once. @throws when PostgreSQL cannot be reached. Later losses reconnect by
   * themselves.
   */
  async connect(): Promise<void> {
    const client = new PostgresClient({
      ...connectionOptions(this.#databaseUrl, 'postern-notifications'),
      ...PATIENT,
      query_timeout: 5_000,
    });
    client.on('error', (error) => this.#logger.warn({ err: error }, 'the notification connection was lost'));
    client.on('notification', ({ payload = '' }) => {
      const [, topic = '', key = ''] = /^([^:]*):(.*)$/s.exec(payload) ?? [];
      this.#tell(topic, key);
    });
    try {
      await client.connect();
      if (this.#coordination === 'session') await client.query(`listen ${CHANNEL}`);
      else await this.#read(client, true);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (this.#closed.signal.aborted) return client.end();
    this.#client = client;
    if (this.#coordination === 'tables')
      this.#poll = setInterval(() => void this.#read(client).catch(() => client.end()), POLL).unref();
    client.once('end', () => {
      clearInterval(this.#poll);
      this.#client = null;
      void this.#reconnect();
    });
  }

  /** Calls `listener` for every change under `topic`. @returns the function that unsubscribes. */
  subscribe(topic: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Calls `load` for every change under `topic`. A failure is logged with `what`. */
  reload(topic: string, load: () => Promise<unknown>, what: string): void {
    this.subscribe(topic, () => {
      load().catch((error: unknown) => this.#logger.error({ err: error }, `${what} could not be read`));
    });
  }

  /**
   * Announces to all nodes that `key` under `topic` (without a colon) changed.
   * @param executor the transaction of the change: nodes are notified if, and when, it commits.
   */
  async publish(topic: string, key: string, executor: Executor | null = this.#client): Promise<void> {
    if (!executor) throw new Error('Connection terminated');
    if (this.#coordination === 'session')
      await executor.query('select pg_notify($1, $2)', [CHANNEL, `${topic}:${key}`]);
    else await executor.query('insert into announcements (topic, key) values ($1, $2)', [topic, key]);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    clearInterval(this.#heartbeat);
    clearInterval(this.#poll);
    await this.#client?.end();
  }

  /** Passes on new announcements. @param isFirst only remembers those that exist already. */
  async #read(client: Client, isFirst = false): Promise<void> {
    const { rows } = await client.query<{ id: string; topic: string; key: string }>(RECENT);
    const fresh = rows.filter(({ id }) => !this.#heard.has(id));
    this.#heard = new Set(rows.map(({ id }) => id));
    if (!isFirst) for (const { topic, key } of fresh) this.#tell(topic, key);
  }

  #tell(topic: string, key: string | null): void {
    for (const listener of this.#listeners.get(topic) ?? []) {
      try {
        listener(key);
      } catch (error) {
        this.#logger.error({ err: error, topic }, 'a listener failed');
      }
    }
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closed;
    for (let wait = BACKOFF.first; !signal.aborted; wait = Math.min(wait * 2, BACKOFF.last)) {
      try {
        await this.connect();
        for (const topic of this.#listeners.keys()) this.#tell(topic, null);
        return;
      } catch (error) {
        this.#logger.warn({ err: error }, 'cannot listen for notifications; trying again');
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
