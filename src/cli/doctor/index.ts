/** `postern doctor`: looks at everything that a server needs, and says what to do. */
import { type Config, ConfigError, loadConfig } from '../../config/index.ts';
import { createLogger } from '../../core/logger.ts';
import { findCluster } from '../../storage/postgres/embedded-cluster.ts';
import { openDatabase } from '../../storage/postgres/open.ts';
import { explainFailure } from '../failure.ts';
import type { Report } from '../report.ts';
import { type Finding, ok, problem } from './finding.ts';
import { checkContracts } from './contracts.ts';
import { checkKeys } from './keys.ts';
import { checkMail } from './mail.ts';
import { checkPostgres } from './postgres.ts';
import { checkPublicUrl } from './public-url.ts';
import { checkRegistration } from './registration.ts';
import { checkRedis } from './redis.ts';

/** What ends a start says itself what to do. */
const failed = (name: string, error: unknown): Finding => ({
  name,
  status: 'problem',
  message: explainFailure(error).message,
});

/** The database and what is in it; beside a running server, or without one. */
async function checkDatabase(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  let part = 'postgres';
  try {
    if (config.databaseUrl === undefined && !(await findCluster(config.dataDir))) {
      return [ok(part, `none yet; the first start makes one in ${config.dataDir}`)];
    }
    const database = await openDatabase(config, createLogger('silent'));
    try {
      findings.push(...(await checkPostgres(config, database.url)));
      part = 'keys';
      const migrated = findings.every(({ name, status }) => name !== 'migrations' || status === 'ok');
      if (migrated) findings.push(...(await checkKeys(config, database.url)));
    } finally {
      await database.close();
    }
  } catch (error) {
    findings.push(failed(part, error));
  }
  return findings;
}

async function examine(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((mistake) =>
      problem('configuration', mistake, 'Correct it; the rest was not looked at.'),
    );
  }
  const parts = await Promise.all([
    checkDatabase(config),
    checkRedis(config),
    checkMail(config),
    checkPublicUrl(config),
  ]);
  const mode = config.production ? 'production' : 'development';
  return [
    ok('configuration', `no mistakes; for ${mode}`),
    ...parts.flat(),
    ...checkContracts(config),
    checkRegistration(config),
  ];
}

const SIGNS = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' };

function toText(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, message, todo }) => [
    `${SIGNS[status]}  ${name.padEnd(width)}  ${message}`,
    ...(todo === undefined ? [] : [`${' '.repeat(9 + width + 2)}-> ${todo}`]),
  ]);
  return lines.join('\n');
}

/** Looks at everything. The report has failed when there is a problem; warnings are no problem. */
export async function doctor(): Promise<Report> {
  const findings = await examine();
  const hasProblem = findings.some(({ status }) => status === 'problem');
  const status = hasProblem ? 'problem' : 'ok';
  return { json: { status, findings }, text: toText(findings), failed: hasProblem };
}
