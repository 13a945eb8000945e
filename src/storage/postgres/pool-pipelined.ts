import { Client, type QueryResult, type QueryResultRow } from 'pg';
import type { Logger } from '../../core/logger.ts';
import { connectionOptions } from './pool.ts';

/** A prepared statement and its values. */
export interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

/**
 * One connection on which statements follow one another without waiting for answers: less than half of what a pool
 * costs this process. They run in turn, each a transaction of its own, so it is for reads by key on hot paths: one
 * that waits (for a lock, for the disk at a commit) makes all behind it wait. Connects when asked, and again when lost.
 */
export class Pipeline {
  readonly #databaseUrl: string;
  readonly #applicationName: string;
  readonly #logger: Logger;
  #connection: Promise<Client> | null = null;

  constructor(databaseUrl: string, { logger, applicationName }: { logger: Logger; applicationName: string }) {
    this.#databaseUrl = databaseUrl;
    this.#applicationName = applicationName;
    this.#logger = logger;
  }

  /** Runs `statement`. @throws what PostgreSQL says of it, or that the connection is gone. */
  async query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    const client = await (this.#connection ?? this.#connect());
    return client.query<Row>(statement);
  }

  /** Lets statements under way end, then disconnects. */
  async end(): Promise<void> {
    const client = await this.#connection?.catch(() => null);
    await client?.end();
  }

  #connect(): Promise<Client> {
    const client = new Client({
      ...connectionOptions(this.#databaseUrl, this.#applicationName),
      pipeline: true,
    });
    const connection = client.connect().then(() => client);
    const forget = () => {
      if (this.#connection === connection) this.#connection = null;
    };
    client.on('error', (error) => this.#logger.warn({ err: error }, 'a PostgreSQL connection was lost'));
    client.once('end', forget);
    connection.catch(forget);
    this.#connection = connection;
    return connection;
  }
}
