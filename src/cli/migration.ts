/** `postern migration`. */
import { importOldTokens } from '../domain/imports/old-tokens.ts';
import { type MigrationStatus, presentMigration } from '../domain/migration.ts';
import { UsageError } from './failure.ts';
import { open, textOf } from './import.ts';
import { manager } from './operator.ts';
import { facts, type Report, table } from './report.ts';
import { withCore } from './session.ts';

const date = (at: Date | null) => at?.toISOString() ?? 'never';

function text(status: MigrationStatus): string {
  const { accounts, notCome, sources, oldHashes, oldTokens, doors, remaining, isReady } = status;
  const part = (title: string, head: string[], rows: string[][]) =>
    rows.length === 0 ? [] : [`${title}\n${table(head, rows)}`];
  return [
    facts([
      ['accounts', String(accounts.total)],
      ['created here', String(accounts.madeHere)],
      ['imported, not signed in yet', String(notCome.accounts)],
    ]),
    ...part(
      'Moved',
      ['source', 'way', 'accounts'],
      accounts.moved.map((row) => [row.source, row.way, String(row.accounts)]),
    ),
    ...part(
      'Sources',
      ['source', 'kind', 'accounts', 'moved', 'remaining', 'without password'],
      sources.map(({ name, kind, accounts: all, moved, left, withoutPassword }) => [
        name,
        kind,
        String(all ?? '?'),
        String(moved),
        String(left ?? '?'),
        String(withoutPassword),
      ]),
    ),
    ...part(
      'Old password hashes',
      ['format', 'accounts'],
      oldHashes.map((row) => [row.format, String(row.accounts)]),
    ),
    ...part(
      'Old tokens by day',
      ['day', 'door', 'access', 'refresh', 'refused'],
      oldTokens.byDay.map((row) => [
        row.day,
        row.door,
        String(row.access),
        String(row.refresh),
        String(row.refused),
      ]),
    ),
    ...part(
      'Doors used in the last 30 days',
      ['door', 'requests', 'accounts', 'last'],
      doors.map((row) => [row.door, String(row.requests), String(row.accounts), date(row.lastUsedAt)]),
    ),
    isReady ? 'The old service can be switched off.' : 'The old service is still needed.',
    ...remaining.map(
      ({ message, blocking }) => `- ${message}${blocking ? '' : ' (does not need the old service)'}`,
    ),
  ].join('\n\n');
}

export const migrationStatus = (): Promise<Report> =>
  withCore(async ({ migration }) => {
    const status = await migration.status(manager());
    return { json: presentMigration(status), text: text(status) };
  });

/** @throws UsageError. */
export async function importTokens(
  file: string,
  { contract, source }: { contract: string; source?: string },
): Promise<Report> {
  const input = await open(file);
  try {
    const report = await withCore(({ stores, config }) => {
      if (!Object.hasOwn(config.oldTokens, contract))
        throw new UsageError(
          `contracts.${contract}.oldTokens is not configured, so that door would refuse them.`,
        );
      return importOldTokens(stores.oldTokens, { input, door: contract, source: source ?? null });
    });
    const { read, created, updated, skipped, failed, problems, problems_omitted } = report;
    return {
      json: { read, created, updated, skipped, failed, problems, problems_omitted },
      text: textOf(report, false),
      failed: failed > 0,
    };
  } finally {
    await input.close();
  }
}
