/**
 * Measures the gain by more workers. The load, each store and each worker run on separate cores where there are
 * enough.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Measurement } from './load/measure.ts';
import { cpuTime, processTree } from './load/usage.ts';
import type { Options } from './options.ts';
import { Generator } from './run.ts';
import type { ScenarioName } from './scenarios/index.ts';
import { CONNECTIONS } from './scenarios/scenario.ts';
import { cores, leaveServersCore, move, numbers } from './stage/cores.ts';
import { postern } from './stage/population.ts';
import { answers, freePort, start } from './stage/process.ts';
import { issuer, type Stage } from './stage/servers.ts';

const SCENARIOS: ScenarioName[] = [
  'client-credentials-jwt',
  'introspection-jwt',
  'refresh',
  'code-flow',
  'login',
];

/** Warm-up seconds, in which every worker's code must become hot, and measured seconds. */
const SECONDS = { warmUp: 4, counted: 5 };

interface Places {
  load: string;
  postgres: string;
  redis: string;
  workers: string[];
}

/** Null when there are fewer cores than processes. */
function placesOf(): Places | null {
  const [load, postgres, redis, ...workers] = numbers.toReversed();
  if (!cores || load === undefined || postgres === undefined || redis === undefined || workers.length === 0)
    return null;
  return { load, postgres, redis, workers: workers.toReversed() };
}

/** Processes of the stores. */
const named = (name: string): number[] =>
  processTree(process.pid).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name);

/** CPU time of the processes during `work`, by name: microseconds. */
async function costOf<T>(
  pids: Record<string, () => number[]>,
  work: () => Promise<T>,
): Promise<{ result: T; cost: Record<string, number> }> {
  const times = () => Object.entries(pids).map(([name, list]) => [name, cpuTime(list())] as const);
  const before = new Map(times());
  const result = await work();
  return {
    result,
    cost: Object.fromEntries(times().map(([name, time]) => [name, time - before.get(name)!])),
  };
}

async function startWorkers(stage: Stage, count: number, places: Places | null) {
  const port = await freePort();
  const env = { ...stage.posternEnvironment, PORT: String(port), WEB_CONCURRENCY: String(count) };
  const log = path.join(stage.directory, `postern-${count}-workers.log`);
  const started = await start(
    { file: process.execPath, args: [postern, 'serve'], place: 'all', env, log },
    async () => answers(port, issuer, '/readyz', true),
  );
  const [, ...workers] = processTree(started.pid);
  if (places) {
    const own = count === 1 ? [started.pid] : workers;
    for (const [index, pid] of own.entries()) move(pid, places.workers[index % places.workers.length]!);
  }
  return { target: { port, pid: started.pid, issuer, ...stage.population }, stop: started.stop };
}

/** Measures each number of workers for which there are cores. @returns a table. */
export async function measureWorkers(stage: Stage, options: Options): Promise<string> {
  const places = placesOf();
  if (places) {
    for (const pid of named('postgres')) move(pid, places.postgres);
    for (const pid of named('redis-server')) move(pid, places.redis);
    move(process.pid, places.load);
  } else leaveServersCore();
  const counts = [1, 2, 4, 8].filter((count) => count <= Math.max(places?.workers.length ?? 0, 2));
  const rows: string[][] = [];
  for (const count of counts) {
    const { target, stop } = await startWorkers(stage, count, places);
    using generator = new Generator();
    for (const scenario of SCENARIOS) {
      const pids = {
        postgres: () => named('postgres'),
        redis: () => named('redis-server'),
        load: () => [generator.pid],
      };
      const [warmUp, seconds] = [SECONDS.warmUp * options.pace, SECONDS.counted * options.pace];
      const job = {
        connections: CONNECTIONS * Math.max(1, count / 2),
        warmUp: 0,
        turns: 1,
      };
      const run = (length: number) =>
        generator.run({ ...job, seconds: length, loads: [{ scenario, target }], rate: null });
      await run(warmUp);
      // Jobs prepare their connections first; that is not measured.
      const { cost: preparing } = await costOf(pids, () => run(0));
      const { result, cost } = await costOf(pids, () => run(seconds));
      for (const name of Object.keys(cost)) cost[name] = Math.max(0, cost[name]! - preparing[name]!);
      rows.push(rowOf(scenario, count, result[0]![0]!, cost, places !== null));
    }
    await stop();
  }
  const head = [
    'scenario',
    'workers',
    'per s',
    'p99 ms',
    'Postern µs',
    'PostgreSQL µs',
    'Redis µs',
    'stores',
    'load',
  ];
  const widths = head.map((name, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]!.length), name.length),
  );
  const table = [head, ...rows].map((row) =>
    row
      .map((cell, n) => cell.padEnd(widths[n]!))
      .join('  ')
      .trimEnd(),
  );
  return `${numbers.length} cores: ${placing(places)}\n\n${table.join('\n')}\n`;
}

const placing = (places: Places | null): string =>
  places
    ? `load on ${places.load}, PostgreSQL on ${places.postgres}, Redis on ${places.redis}, workers on ${places.workers.join(', ')}`
    : 'too few for the load, each store and a worker to have one each; rates would say nothing, so there are none';

function rowOf(
  scenario: string,
  workers: number,
  { operations, rate, p99, cpu: own }: Measurement,
  cost: Record<string, number>,
  hasRates: boolean,
): string[] {
  const each = (name: string) => (cost[name] ?? 0) / operations;
  const stores = each('postgres') + each('redis');
  return [
    scenario,
    String(workers),
    hasRates ? rate.toFixed(0) : '-',
    hasRates ? p99.toFixed(1) : '-',
    own.toFixed(0),
    each('postgres').toFixed(0),
    each('redis').toFixed(0),
    `${((100 * stores) / (own + stores)).toFixed(0)}%`,
    hasRates ? `${((each('load') * rate) / 10_000).toFixed(0)}%` : '-',
  ];
}
