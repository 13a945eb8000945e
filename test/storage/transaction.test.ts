import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PoolClient } from 'pg';
import { DomainError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/logger.ts';
import { currentRequest } from '../../src/core/current-request.ts';
import { Role } from '../../src/storage/models/roles.ts';
import type { Executor } from '../../src/storage/postgres/executor.ts';
import { boundedReads } from '../../src/storage/postgres/bounded.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { isUnavailable } from '../../src/storage/postgres/pool-unavailable.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import {
  gather,
  joining,
  transactions,
  type Tx,
  writeGathered,
} from '../../src/storage/postgres/transaction.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { secrets } from './backends.ts';

const logger = createLogger('silent');
let pool: ReturnType<typeof createPool>;
let joined: typeof pool;
let work: ReturnType<typeof transactions>;

beforeAll(async () => {
  const { url } = await createDatabase();
  pool = createPool(url, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  joined = joining(pool);
  work = transactions(createSequelize(pool, secrets), logger);
});

const insert = (name: string, tx: Tx) => tx.query('insert into roles (name) values ($1)', [name]);
const isThere = async (from: typeof pool, name: string) =>
  (await from.query('select from roles where name = $1', [name])).rowCount === 1;

describe('work as one transaction', () => {
  it('reads its own writes through pool and models, and commits at the end', async () => {
    const [name, heard] = [randomUUID(), [] as string[]];
    await work.asOne(async () => {
      await work.inTransaction(async (tx) => {
        await insert(name, tx);
        tx.afterCommit(() => void heard.push('committed'));
      });
      expect(heard).toEqual([]);
      const seen = [isThere(joined, name), Role.count({ where: { name } }), isThere(pool, name)];
      expect(await Promise.all(seen)).toEqual([true, 1, false]);
    });
    expect([heard, await isThere(pool, name)]).toEqual([['committed'], true]);
  });

  it('writes gathered rows together before the commit, also if a failed part wrote some of them', async () => {
    const written: string[][] = [];
    const write = async (names: readonly string[], executor: Executor) => {
      written.push([...names]);
      await executor.query('insert into roles (name) select unnest($1::text[])', [[...names]]);
    };
    const [first, lost, last, alone] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const part = (name: string, end: () => unknown = () => undefined) =>
      work.inTransaction(async () => {
        await gather(name, write, joined);
        await end();
      });
    await work.asOne(async () => {
      await part(first);
      const failing = part(lost, async () => {
        await writeGathered();
        expect(await isThere(joined, first)).toBe(true);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await isThere(joined, first)).toBe(false);
      await part(last);
      expect(await isThere(joined, last)).toBe(false);
    });
    await gather(alone, write, joined);
    expect(written).toEqual([[first, lost], [first, last], [alone]]);
    expect(await Promise.all([first, lost, last, alone].map((name) => isThere(pool, name)))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    await expect(
      work.asOne(() => part(randomUUID(), () => part(first, () => undefined))),
    ).rejects.toMatchObject({ code: '23505' });
  });

  it('rolls a failed part back, with what waited for its commit, and continues', async () => {
    const [kept, lost, heard] = [randomUUID(), randomUUID(), [] as string[]];
    const part = (name: string, end: (tx: Tx) => unknown) =>
      work.inTransaction(async (tx) => {
        await insert(name, tx);
        tx.afterCommit(() => void heard.push(name));
        await end(tx);
      });
    await work.asOne(async () => {
      await part(kept, () => work.asOne(() => part(lost, (tx) => insert(lost, tx))).catch(() => undefined));
      await expect(part(lost, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    });
    expect([heard, await isThere(pool, kept), await isThere(pool, lost)]).toEqual([[kept], true, false]);
  });

  it('needs one savepoint for parts that start together, and none for a part without statements', async () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const statements: unknown[] = [];
    const note = (client: PoolClient) => {
      const { query } = client;
      jest.spyOn(client, 'query').mockImplementation((...all: Parameters<typeof query>) => {
        statements.push(all[0]);
        return query.apply(client, all);
      });
    };
    pool.on('acquire', note);
    const nested = (name: string) =>
      work.asOne(() => work.asOne(() => work.inTransaction((tx) => insert(name, tx))));
    await work.asOne(async () => {
      await nested(first);
      await work.asOne(() => work.inTransaction(() => Promise.resolve()));
      await work.asOne(async () => {
        const failing = work.asOne(async () => {
          await nested(second);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        await work.inTransaction((tx) => insert(third, tx));
      });
    });
    pool.off('acquire', note);
    jest.restoreAllMocks();
    expect(statements.filter((one) => /savepoint/.test(String(one)))).toEqual([
      'savepoint part_1',
      'release savepoint part_1;savepoint part_2',
      'rollback to savepoint part_2',
      'savepoint part_3',
    ]);
    expect(await Promise.all([first, second, third].map((name) => isThere(pool, name)))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('continues after a statement that failed', async () => {
    const [name, other] = [randomUUID(), randomUUID()];
    const twice = (tx: Tx) => insert(name, tx).then(() => insert(name, tx));
    await work.asOne(async () => {
      await expect(work.asOne(() => work.inTransaction(twice))).rejects.toThrow('duplicate key');
      // A part that starts in a failed transaction rolls back only its own work.
      const careless = work.asOne(async () => {
        await work.inTransaction((tx) => insert(other, tx));
        await work.asOne((tx) => insert(other, tx)).catch(() => undefined);
        await Role.update({ description: name }, { where: { name: other } });
        return work.asOne((tx) => tx.query('select nothing'));
      });
      await expect(careless).rejects.toThrow('nothing');
      await work.inTransaction((tx) => insert(name, tx));
    });
    expect([await isThere(pool, name), await isThere(pool, other)]).toEqual([true, false]);
  });

  it('leaves nothing if it fails at the end', async () => {
    const name = randomUUID();
    const failing = work.asOne(async () => {
      await work.inTransaction((tx) => insert(name, tx));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await isThere(pool, name)).toBe(false);
  });

  it('runs parts that start together one by one', async () => {
    const names = Array.from({ length: 5 }, () => randomUUID());
    await work.asOne(async () => {
      const parts = names.map((name, index) =>
        work.inTransaction(async (tx) => {
          await insert(name, tx);
          await Role.update({ description: name }, { where: { name } });
          if (index % 2 === 1) throw new Error('no');
        }),
      );
      await Promise.allSettled(parts);
    });
    expect(await Promise.all(names.map((name) => isThere(pool, name)))).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  it('has ended for anything that outlives it', async () => {
    const [name, { promise, resolve }] = [randomUUID(), Promise.withResolvers<void>()];
    let later: Promise<unknown> | undefined;
    const failing = work.asOne(async () => {
      later = promise.then(() => work.inTransaction((tx) => insert(name, tx)));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    resolve();
    await later;
    expect(await isThere(pool, name)).toBe(true);
  });
});

describe('a search that takes too long', () => {
  it('is aborted, and its transaction continues with its own time limit', async () => {
    const bounded = boundedReads(work.inTransaction, 50);
    await expect(bounded.query('select pg_sleep(20)')).rejects.toMatchObject({ code: 'too_broad' });
    const { rows } = await bounded.query<{ one: number }>('select $1::int as one', [1]);
    expect(rows).toEqual([{ one: 1 }]);
    await work.asOne(async (tx) => {
      await expect(bounded.query('select pg_sleep(20)')).rejects.toMatchObject({ code: 'too_broad' });
      await bounded.query('select 1');
      const timeout = await tx.query('show statement_timeout');
      expect(timeout.rows).toEqual([{ statement_timeout: '30s' }]);
    });
    await expect(bounded.query('select from nothing')).rejects.toMatchObject({ code: '42P01' });
  });

  it('counts as an outage, not as too broad, if the request has run out of time altogether', async () => {
    const bounded = boundedReads(work.inTransaction, 20_000);
    const search = () => bounded.query('select pg_sleep(20)');
    const reply = new ServerResponse(new IncomingMessage(new Socket()));
    const failure = await currentRequest
      .run({ reply, arrivedAt: Date.now(), patience: 100 }, search)
      .catch((error: unknown) => error);
    expect([failure instanceof DomainError, isUnavailable(failure)]).toEqual([false, true]);
  });
});
