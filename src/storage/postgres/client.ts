import type { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { Client, type ClientConfig } from 'pg';
import { serverUrls } from '../../config/database-url.ts';
import { type Timeouts, withSettings } from './settings.ts';

/** Connection options besides those of pg. */
export interface ConnectionOptions extends ClientConfig {
  /** Of one server, or of several of which one is the primary: `postgres://user@first:5432,second:5432/postern`. */
  databaseUrl: string;
  timeouts?: Timeouts | undefined;
  /** Behind a pooler, which takes no settings with the connection: the role has them (`pooler.ts`). */
  isPooled?: boolean;
}

/** The servers of a database and the current primary, shared by all connections of the process. */
class Servers {
  readonly urls: string[];
  #index = 0;

  constructor(databaseUrl: string) {
    this.urls = serverUrls(databaseUrl);
  }

  get current(): string {
    return this.urls[this.#index] ?? '';
  }

  /** Moves on to the next server, unless that has been decided already. */
  leave(url: string): void {
    if (url === this.current) this.#index = (this.#index + 1) % this.urls.length;
  }
}

const known = new Map<string, Servers>();

function serversOf(databaseUrl: string): Servers {
  const servers = known.get(databaseUrl) ?? new Servers(databaseUrl);
  known.set(databaseUrl, servers);
  return servers;
}

/**
 * A connection to PostgreSQL; where there are several servers, to the primary. A server that does not answer or is a replica
 * fails this connection, and the next one is made to the server after it.
 */
export class PostgresClient extends Client {
  readonly #servers: Servers;
  readonly #url: string;

  constructor({ databaseUrl, timeouts, isPooled = false, ...options }: ConnectionOptions) {
    const servers = serversOf(databaseUrl);
    const url = servers.current;
    super({ ...options, ...(isPooled ? { connectionString: url } : withSettings(url, timeouts)) });
    this.#servers = servers;
    this.#url = url;
    // The pool listens from a moment after the connection is made. An error before that must not end the process: it
    // fails the next statement.
    this.on('error', () => undefined);
    this.#watch();
  }

  override connect(): Promise<Client>;
  override connect(callback: ((error: Error) => void) | ((error: null, client: Client) => void)): void;
  override connect(
    callback?: ((error: Error) => void) | ((error: null, client: Client) => void),
  ): Promise<Client> | void {
    const connecting = this.#connect();
    if (!callback) return connecting;
    callbackify(() => connecting)(callback as (error: Error | null, client: Client) => void);
  }

  async #connect(): Promise<Client> {
    try {
      await super.connect();
      if (this.#servers.urls.length > 1) await this.#checkPrimary();
      return this;
    } catch (error) {
      this.#servers.leave(this.#url);
      throw error;
    }
  }

  async #checkPrimary(): Promise<void> {
    const { rows } = await this.query<{ replica: boolean }>('select pg_is_in_recovery() as replica');
    if (!rows[0]?.replica) return;
    await this.end();
    const { host, port } = this;
    throw Object.assign(new Error(`${host}:${port} is a replica`), { code: '57P03' });
  }

  /**
   * Closes a connection to a replica when it refuses to write (25006, read_only_sql_transaction): a pool would lend it again
   * and again. A former primary may keep its connections, and an address that moves leads to it for a while.
   */
  #watch(): void {
    const { connection } = this as unknown as { connection: EventEmitter & { stream: Duplex } };
    connection.on('errorMessage', ({ code }: { code?: string }) => {
      if (code !== '25006') return;
      this.#servers.leave(this.#url);
      connection.stream.destroy();
    });
  }
}

/** Milliseconds for the request to cancel. */
const CANCEL_TIMEOUT = 5_000;

/**
 * Closes a connection and fails its running statement as temporarily unavailable. The server is asked to cancel
 * it (PostgreSQL manual, "Canceling Requests in Progress"), so that it does not go on in vain.
 */
export function abandon(client: PostgresClient): void {
  const { host, port, processID, secretKey, connection } = client as unknown as {
    host: string;
    port: number;
    processID: number;
    secretKey: number;
    connection: { stream: Duplex };
  };
  if (connection.stream.destroyed) return;
  const request = Buffer.alloc(16);
  for (const [index, value] of [16, 80_877_102, processID, secretKey].entries())
    request.writeInt32BE(value, 4 * index);
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(CANCEL_TIMEOUT, () => socket.destroy()).on('error', () => undefined);
  socket.unref().end(request);
  // An error of the connection, not 57014 (query_canceled): no timeout of a single statement has passed.
  connection.stream.destroy(
    Object.assign(new Error('a request waited too long for its statements'), { code: 'ETIMEDOUT' }),
  );
}
