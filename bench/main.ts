/** `npm run bench`: compares Postern with a bare oidc-provider and a hand-written minimum; see README.md. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Options, readOptions, usage } from './options.ts';
import { plan } from './plan.ts';
import { report, toJson } from './report/print.ts';
import { Results } from './results.ts';
import { runRounds } from './run.ts';
import { measureWorkers } from './workers.ts';
import { timeEmbeddedStart } from './stage/embedded.ts';
import { populate } from './stage/population.ts';
import { type Rows, seedRecords } from './stage/records.ts';
import { leaveServersCore } from './stage/cores.ts';
import { productionEnvironment } from './stage/environment.ts';
import type { Stage } from './stage/servers.ts';
import { scenarios } from './scenarios/index.ts';
import { benchSize, benchWeek } from './size/index.ts';
import { startStores } from './stage/stores.ts';

/** Scenarios that search or change many rows. */
const SEARCHING: ReadonlySet<string> = new Set([
  'user-search',
  'audit-pages',
  'lists',
  'tokens-beside-lists',
  'scim-pages',
  'user-change',
  'bulk',
]);

async function prepare(directory: string, cleanUp: AsyncDisposableStack, rows: Rows | null): Promise<Stage> {
  const stores = await startStores(directory);
  cleanUp.defer(stores.stop);
  const databaseUrl = await stores.createDatabase('postern');
  const posternEnvironment = {
    ...productionEnvironment(directory),
    DATABASE_URL: databaseUrl,
    REDIS_URL: stores.redisUrl(0),
  };
  const population = await populate(posternEnvironment, databaseUrl);
  const bareStores = {
    databaseUrl: await stores.createDatabase('bare', 'postern'),
    redisUrl: stores.redisUrl(1),
  };
  // After the copy: the bare library has no use for them.
  if (rows) await seedRecords(databaseUrl, rows);
  return { directory, population, posternEnvironment, bareStores };
}

async function bench(options: Options): Promise<void> {
  leaveServersCore();
  const names = (options.only ?? '').split(',');
  const steps = plan.filter(({ loads }) =>
    loads.some(({ scenario }) => names.some((name) => scenario.includes(name))),
  );
  if (steps.length === 0)
    throw new Error(`no scenario is named ${options.only}; there are ${Object.keys(scenarios).join(', ')}`);
  const directory = mkdtempSync(path.join(tmpdir(), 'postern-bench-'));
  // Started by root, PostgreSQL runs under an unprivileged account.
  chmodSync(directory, 0o755);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp.disposeAsync().finally(() => process.exit(1)));
  }

  if (options.workers) {
    console.log(await measureWorkers(await prepare(directory, cleanUp, null), options));
    return;
  }
  const results = new Results();
  if (options.only === undefined) await timeEmbeddedStart(directory, options.rounds, results);
  const isSearched = steps.some(({ loads }) => loads.some(({ scenario }) => SEARCHING.has(scenario)));
  const stage = await prepare(directory, cleanUp, isSearched ? options.rows : null);
  await runRounds(stage, steps, options, results);
  console.log(report(results));
  if (options.json !== undefined) writeFileSync(options.json, toJson(results));
}

const options = readOptions(process.argv.slice(2));
if (options === 'help') console.log(usage);
else if (options.scenario === 'size') await benchSize(options);
else if (options.scenario === 'week') await benchWeek(options);
else await bench(options);
