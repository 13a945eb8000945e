/** `postern doctor`: checks everything that a server needs, and advises. */
import { type Config, ConfigError, loadConfig } from '../../config/index.ts';
import { createLogger } from '../../core/logger.ts';
import { findCluster } from '../../storage/postgres/embedded-cluster.ts';
import { openDatabase } from '../../storage/postgres/open.ts';
import { explainFailure } from '../failure.ts';
import type { Report } from '../report.ts';
import { resolveSecretsKey } from '../../config/secrets-key.ts';
import { createCore } from '../../container/core.ts';
import { examine } from '../../container/doctor/index.ts';
import { type Finding, ok, problem, type Subject } from '../../container/doctor/finding.ts';
import { checkKeys } from '../../container/doctor/keys.ts';
import { checkPostgres } from '../../container/doctor/postgres.ts';

/** The message of a StartupError already says what to do. */
const failed = (name: Subject, error: unknown): Finding =>
  problem(name, { text: explainFailure(error).message });

/** Checks the database and its content, with or without a running server. */
async function checkDatabase(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  let part: Subject = 'console.doctor.name.postgres';
  try {
    if (config.databaseUrl === undefined && !(await findCluster(config.dataDir))) {
      return [ok(part, { key: 'console.doctor.databaseNone', params: { directory: config.dataDir } })];
    }
    const database = await openDatabase(config, createLogger('silent'));
    try {
      findings.push(...(await checkPostgres(config, database.url)));
      part = 'console.doctor.name.keys';
      const migrated = findings.every(({ name, status }) => name !== 'migrations' || status === 'ok');
      if (!migrated) return findings;
      const secretsKey = await resolveSecretsKey(config);
      const logger = createLogger('silent');
      const core = await createCore(config, { databaseUrl: database.url, secretsKey, logger });
      try {
        findings.push(...(await checkKeys(config, core)));
      } finally {
        await core.close();
      }
    } finally {
      await database.close();
    }
  } catch (error) {
    findings.push(failed(part, error));
  }
  return findings;
}

async function findingsOf(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((mistake) =>
      problem('console.doctor.name.configuration', { text: mistake }, 'console.doctor.configurationTodo'),
    );
  }
  return examine(config, () => checkDatabase(config));
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

/** Runs all checks. The report fails on a problem, not on a warning. */
export async function doctor(): Promise<Report> {
  const findings = await findingsOf();
  const hasProblem = findings.some(({ status }) => status === 'problem');
  const status = hasProblem ? 'problem' : 'ok';
  const shown = findings.map(({ sentences: _sentences, ...finding }) => finding);
  return { json: { status, findings: shown }, text: toText(findings), failed: hasProblem };
}
