import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Measurement } from '../load/measure.ts';
import type { Options } from '../options.ts';
import { spreadOf } from '../results.ts';
import { Generator } from '../run.ts';
import type { ScenarioName } from '../scenarios/index.ts';
import { CONNECTIONS } from '../scenarios/scenario.ts';
import { leaveServersCore } from '../stage/cores.ts';
import { productionEnvironment } from '../stage/environment.ts';
import { type Population, populate, postern } from '../stage/population.ts';
import { type Server, startServer } from '../stage/servers.ts';
import { startStores, type Stores } from '../stage/stores.ts';
import { readTables, rowSizes, wholeScans } from './disk.ts';
import { seed, type Size } from './seed.ts';
import { prepareWeek, type Week } from './week.ts';

/** Durability is off while the database is filled: after a crash it is filled again. */
const SEEDING = [
  'fsync=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'autovacuum=off',
  'max_wal_size=8GB',
];
/** Accounts, grants, sessions and tokens fit into memory, as on the machine that one would choose for them. */
const SERVING = [
  `shared_buffers=${Math.floor((totalmem() * 0.6) / 2 ** 20)}MB`,
  'max_wal_size=4GB',
  'checkpoint_timeout=15min',
];

const flagsOf = (settings: string[]): string[] => settings.flatMap((setting) => ['-c', setting]);

/** The almost empty database has only the people that the measurement needs. */
const EMPTY: Size = { accounts: 3_000, tokens: 30_000, events: 10_000, sessions: 6_000 };

/**
 * The measured requests, at rates far below the server's capacity. Seconds of a turn: enough requests for a meaningful p99, so
 * more of them where the rate is low, and all turns of one round on kept data within eight minutes.
 */
const LOADS: { scenario: ScenarioName; rate: number; seconds: number }[] = [
  { scenario: 'size-login', rate: 8, seconds: 15 },
  { scenario: 'size-refresh', rate: 80, seconds: 4 },
  { scenario: 'size-introspection', rate: 120, seconds: 3 },
  { scenario: 'size-code-flow', rate: 40, seconds: 5 },
  { scenario: 'size-revocation', rate: 20, seconds: 7 },
];

/** Key of a folder of databases. */
interface Kept {
  population: Population;
  size: Size;
  environment: NodeJS.ProcessEnv;
}

/** Tells of a step, with the seconds since the start of the process. */
const tell = (line: string): void => console.error(`${(performance.now() / 1000).toFixed(0)} s  ${line}`);

async function make(stores: Stores, directory: string, size: Size): Promise<Kept> {
  const environment = productionEnvironment(directory);
  const base = await stores.createDatabase('base');
  const population = await populate(
    { ...environment, DATABASE_URL: base, REDIS_URL: stores.redisUrl(0) },
    base,
  );
  await seed(await stores.createDatabase('large', 'base'), size, population.web.id, tell);
  return { population, size, environment };
}

interface Side {
  name: 'empty' | 'large';
  size: Size;
  databaseUrl: string;
  redisUrl: string;
}

async function serve(
  kept: Kept,
  directory: string,
  { name, size, databaseUrl, redisUrl }: Side,
): Promise<Server> {
  const place = path.join(directory, name);
  mkdirSync(place, { recursive: true });
  const posternEnvironment = { ...kept.environment, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
  await promisify(execFile)(process.execPath, [postern, 'migrate'], { env: posternEnvironment });
  const bareStores = { databaseUrl, redisUrl };
  return startServer(
    { directory: place, population: { ...kept.population, size }, posternEnvironment, bareStores },
    'postern',
  );
}

type Measured = Map<ScenarioName, { empty: Measurement[]; large: Measurement[] }>;

function report(measured: Measured): string {
  const lines = [
    'scenario            p50 ms       p99 ms        ratio   CPU µs          ratio   (empty, large; medians over turns)',
  ];
  for (const [scenario, { empty, large }] of measured) {
    const median = (values: number[]) => spreadOf(values)?.median ?? Number.NaN;
    const both = (metric: 'p50' | 'p99' | 'cpu', digits: number) =>
      [empty, large].map((turns) => median(turns.map((turn) => turn[metric])).toFixed(digits)).join(' ');
    const ratio = (metric: 'p99' | 'cpu') =>
      median(large.map((turn, n) => turn[metric] / empty[n]![metric])).toFixed(2);
    const cells = [scenario.padEnd(18), both('p50', 1).padEnd(11), both('p99', 1).padEnd(12)];
    lines.push([...cells, ratio('p99').padEnd(6), both('cpu', 0).padEnd(14), ratio('cpu')].join('  '));
  }
  return lines.join('\n');
}

async function measure(servers: Server[], { rounds, turns, pace, warmUp }: Options): Promise<Measured> {
  using generator = new Generator();
  const measured: Measured = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const { scenario, rate, seconds } of LOADS) {
      const loads = servers.map(({ target }) => ({ scenario, target }));
      const job = { rate, warmUp: warmUp * 2, turns, seconds: seconds * pace, connections: CONNECTIONS };
      const [empty, large] = await generator.run({ loads, ...job });
      const before = measured.get(scenario) ?? { empty: [], large: [] };
      measured.set(scenario, { empty: [...before.empty, ...empty!], large: [...before.large, ...large!] });
      tell(`round ${round + 1}  ${scenario}`);
    }
  }
  return measured;
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/** `--scenario size`: the same requests on a large and on an almost empty database of one PostgreSQL, in turns. */
export async function benchSize(options: Options): Promise<void> {
  leaveServersCore();
  await using cleanUp = new AsyncDisposableStack();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cleanUp.disposeAsync().finally(() => process.exit(1)));
  const directory = options.data ?? mkdtempSync(path.join(tmpdir(), 'postern-size-'));
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  if (options.data === undefined) cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));

  const file = path.join(directory, 'kept.json');
  if (!existsSync(file)) {
    const began = performance.now();
    const stores = await startStores(directory, { flags: flagsOf([...SERVING, ...SEEDING]), isKept: true });
    try {
      writeFileSync(file, JSON.stringify(await make(stores, directory, options.size)));
    } finally {
      await stores.stop();
    }
    tell(`seeded in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept;

  const stores = await startStores(directory, { flags: flagsOf(SERVING), isKept: true });
  cleanUp.defer(stores.stop);
  await stores.dropDatabase('empty');
  const databaseUrl = await stores.createDatabase('empty', 'base');
  await seed(databaseUrl, EMPTY, kept.population.web.id, () => undefined);
  const sides: Side[] = [
    { name: 'empty', size: EMPTY, databaseUrl, redisUrl: stores.redisUrl(1) },
    {
      name: 'large',
      size: kept.size,
      databaseUrl: stores.databaseUrl('large'),
      redisUrl: stores.redisUrl(2),
    },
  ];
  const servers: Server[] = [];
  for (const side of sides) {
    const server = await serve(kept, directory, side);
    cleanUp.defer(server.stop);
    servers.push(server);
    tell(`the server on the ${side.name} database is ready`);
  }
  for (const { name, databaseUrl: url } of sides)
    tell(`read ${gigabytes(await readTables(url))} GB of the ${name} database into memory`);
  const before = loadavg()[0]!;
  const large = stores.databaseUrl('large');
  const scansBefore = await wholeScans(large);
  const measured = await measure(servers, options);
  console.log(
    `\nload average before the run ${before.toFixed(1)}; ${JSON.stringify(kept.size)}\n\n${report(measured)}\n`,
  );
  for (const { kind, rows, table, indexes } of await rowSizes(large))
    console.log(
      `${kind}: ${rows} rows, ${table.toFixed(0)} B in the table and ${indexes.toFixed(0)} B in indexes each, ${gigabytes(rows * (table + indexes))} GB`,
    );
  // Connections report their statistics with a delay of a second.
  await sleep(2_000);
  for (const [table, count] of await wholeScans(large))
    console.log(`${table}: read from end to end ${count - (scansBefore.get(table) ?? 0)} times`);
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify(Object.fromEntries(measured), null, 2));
}

/** Milliseconds that a week is played: with the start it ends within eight minutes. */
const PATIENCE = 420_000;

/**
 * `--scenario week`: the tables after a simulated week, with per-table vacuum settings and with the server's. The two sides take
 * turns by the hour, so where there is not time enough for all of the week, both have had the same of it.
 */
export async function benchWeek({ size: { accounts } }: Options): Promise<void> {
  await using cleanUp = new AsyncDisposableStack();
  const directory = mkdtempSync(path.join(tmpdir(), 'postern-week-'));
  chmodSync(directory, 0o755);
  cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));
  // The simulated week takes minutes, so autovacuum wakes every second.
  const flags = flagsOf(['autovacuum_naptime=1s', 'fsync=off']);
  const stores = await startStores(directory, { flags });
  cleanUp.defer(stores.stop);
  const sides: { settings: string; week: Week }[] = [];
  for (const name of ['plain', 'own']) {
    const databaseUrl = await stores.createDatabase(name);
    const env = { ...productionEnvironment(directory), DATABASE_URL: databaseUrl };
    await promisify(execFile)(process.execPath, [postern, 'migrate'], { env });
    const isPlain = name === 'plain';
    const week = cleanUp.use(await prepareWeek(databaseUrl, accounts, isPlain));
    sides.push({ settings: isPlain ? "the server's settings" : "the tables' own settings", week });
  }
  const end = performance.now() + PATIENCE;
  let hour = 0;
  for (; hour < 7 * 24 && performance.now() < end; hour += 1)
    for (const { week } of sides) await week.play(hour);
  for (const { settings, week } of sides) {
    console.log(`\n${settings}, after ${(hour / 24).toFixed(1)} days of ${accounts} people`);
    for (const { table, live, dead, size, indexes, hot } of await week.bloat())
      console.log(
        `${table}: ${live} rows, ${dead} dead, ${size.toFixed(1)} MB and ${indexes.toFixed(1)} MB of indexes, ${(hot * 100).toFixed(0)} % of updates in place`,
      );
  }
}
