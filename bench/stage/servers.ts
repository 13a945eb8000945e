import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { ENVIRONMENT, READY_FLAG, SERVER_FLAGS } from '../../bin/flags.js';
import type { Target } from '../client/target.ts';
import { processTree, residentMemory } from '../load/usage.ts';
import type { Variant } from '../plan.ts';
import type { ServerSettings } from '../servers/settings.ts';
import { type Population, postern } from './population.ts';
import { answers, freePort, start } from './process.ts';
import { keepTrying, startMuteSource, withSource } from './sources.ts';

export const issuer = 'https://login.example';

export interface Server {
  target: Target;
  /** Milliseconds from its start to its first successful reply. */
  readyAfter: number;
  /** Resident memory before the first load: bytes. */
  idleMemory: number;
  stop: () => Promise<void>;
}

export interface Stage {
  /** Folder for settings and logs. */
  directory: string;
  population: Population;
  /** Environment of a Postern server on the stores, without PORT and WEB_CONCURRENCY. */
  posternEnvironment: NodeJS.ProcessEnv;
  /** Stores of the bare library: separate from Postern's, with the same rows. */
  bareStores: { databaseUrl: string; redisUrl: string };
}

/** Starts a fresh process of the variant and waits until it is ready and idle. */
export async function startServer(stage: Stage, variant: Variant): Promise<Server> {
  const port = await freePort();
  const started = variant.startsWith('postern')
    ? await startPostern(stage, port, variant)
    : await startCompared(stage, port, variant);
  await sleep(1000);
  return {
    target: { port, pid: started.pid, issuer, ...stage.population },
    readyAfter: started.readyAfter,
    idleMemory: residentMemory(processTree(started.pid)),
    stop: started.stop,
  };
}

async function startPostern(stage: Stage, port: number, variant: Variant) {
  const source =
    variant === 'postern-with-source'
      ? await startOldService(stage)
      : variant === 'postern-with-dead-source'
        ? await startMuteSource()
        : null;
  const started = await startAlone(stage, port, variant, source?.port ?? null);
  if (!source) return started;
  const target = { port, pid: started.pid, issuer, ...stage.population };
  const stopTrying = variant === 'postern-with-dead-source' ? await keepTrying(target) : null;
  const stop = async () => {
    await stopTrying?.();
    await started.stop();
    await source.stop();
  };
  return { ...started, stop };
}

async function startOldService(stage: Stage) {
  const port = await freePort();
  return { port, ...(await startCompared(stage, port, 'old-service')) };
}

/** Writes Postern's settings without the fast path. @returns the file. */
function withoutFastPath(settings: string): string {
  const file = settings.replace(/\.yaml$/, '-library.yaml');
  const content = parse(readFileSync(settings, 'utf8')) as { http: object };
  writeFileSync(file, stringify({ ...content, http: { ...content.http, fastPath: false } }));
  return file;
}

async function startAlone(stage: Stage, port: number, variant: Variant, source: number | null) {
  const settings = stage.posternEnvironment['CONFIG_FILE'] ?? '';
  const workers = variant === 'postern-2-workers' ? '2' : '1';
  const place = workers === '1' ? 'server' : 'all';
  const env = {
    ...stage.posternEnvironment,
    ...(source !== null && { CONFIG_FILE: withSource(settings, source) }),
    ...(variant === 'postern-without-fast-path' && { CONFIG_FILE: withoutFastPath(settings) }),
    PORT: String(port),
    WEB_CONCURRENCY: workers,
  };
  const log = path.join(stage.directory, `${variant}.log`);
  return start({ file: process.execPath, args: [postern, 'serve'], place, env, log }, async () =>
    answers(port, issuer, '/readyz', true),
  );
}

async function startCompared(stage: Stage, port: number, variant: Variant) {
  const settings: ServerSettings = {
    port,
    issuer,
    ...stage.population,
    stores: variant === 'bare-stores' ? stage.bareStores : null,
  };
  const file = path.join(stage.directory, `${variant}.json`);
  writeFileSync(file, JSON.stringify(settings));
  const program = path.resolve(
    import.meta.dirname,
    '../servers',
    `${variant === 'bare-stores' ? 'bare' : variant}.ts`,
  );
  const log = path.join(stage.directory, `${variant}.log`);
  const env = { ...process.env, ...ENVIRONMENT, NODE_ENV: 'production' };
  // The same V8 flags as Postern's, so that their effect is not compared.
  const args = [...SERVER_FLAGS, READY_FLAG, program, file];
  return start({ file: process.execPath, args, place: 'server', env, log }, async () =>
    answers(port, issuer, '/', false),
  );
}
