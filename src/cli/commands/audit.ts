import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isAddressRange } from '../../core/network.ts';
import type { AuditFilters, AuditItem, AuditLog, ExportFormat } from '../../domain/operators/audit-log.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { confirm } from '../confirm.ts';
import { integer, repeated, startOf, uuid } from '../options.ts';
import { operator } from '../operator.ts';
import { facts, fail, type Report, reporting, shown, table } from '../report.ts';

interface PurgeOptions {
  olderThan: string;
  yes?: boolean;
}

async function purge({ olderThan, yes = false }: PurgeOptions): Promise<Report> {
  const before = startOf(olderThan);
  const at = before.toISOString();
  await confirm(`Delete all audit events before ${at}?`, yes);
  const { withCore } = await import('../session.ts');
  const events = await withCore(({ auditRetention }) => auditRetention.purge(before, operator()));
  return { json: { before: at, events }, text: `Deleted ${events} audit events before ${at}.` };
}

const auditOf = async <T>(work: (log: AuditLog) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ auditLog }) => work(auditLog));
};

const lines = () => import('../../http/api/management/audit.ts');

async function list({
  limit,
  cursor,
  ...filters
}: AuditFilters & { limit: number; cursor?: string }): Promise<Report> {
  const { auditItemOf } = await lines();
  const { items, nextCursor } = await auditOf((log) =>
    log.list(shellOperator(operator()), { filters, limit, cursor }),
  );
  const rows = items.map((item) => [
    item.at.toISOString(),
    item.type,
    item.outcome,
    item.actor.name ?? item.actor.id ?? item.actor.kind,
    item.subject ? (item.subject.name ?? item.subject.id) : '-',
    item.door,
    item.ip ?? '-',
    item.id,
  ]);
  const more = nextCursor === null ? '' : `\nMore: --cursor ${nextCursor}`;
  return {
    json: { events: items.map(auditItemOf), next_cursor: nextCursor },
    text: `${table(['time', 'type', 'outcome', 'actor', 'subject', 'door', 'address', 'id'], rows)}${more}`,
  };
}

async function show(id: string): Promise<Report> {
  const { auditItemOf } = await lines();
  const item: AuditItem = await auditOf((log) => log.find(shellOperator(operator()), id));
  const json = auditItemOf(item);
  return { json, text: facts(Object.entries(json).map(([name, value]) => [name, shown(value)])) };
}

async function putBack(id: string): Promise<Report> {
  const { auditItemOf } = await lines();
  const { withCore } = await import('../session.ts');
  const item = await withCore((services) => services.putBack.putBack(shellOperator(operator()), id));
  return { json: auditItemOf(item), text: `Undid ${id} with ${item.id} (${item.type}).` };
}

/** Writes an export, and nothing else, to standard output or a file. */
async function exportEvents({
  format,
  out,
  ...filters
}: AuditFilters & { format: ExportFormat; out?: string }): Promise<void> {
  const { auditLines } = await lines();
  try {
    await auditOf(async (log) => {
      const pages = await log.export(shellOperator(operator()), { format, filters });
      const target = out === undefined ? process.stdout : createWriteStream(out, { mode: 0o600 });
      await pipeline(Readable.from(auditLines(format, pages)), target, { end: out !== undefined });
    });
  } catch (error) {
    fail(error, false);
  }
}

/** Parses an RFC 3339 time, or an age such as `7d`. */
function moment(value: string): Date {
  if (/^\d+[smhd]$/.test(value)) return startOf(value);
  const date = new Date(value);
  if (/^\d{4}-\d{2}-\d{2}/.test(value) && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('must be like 2026-11-01T00:00:00Z or 7d.');
}

function outcome(value: string): ('success' | 'failure')[] {
  if (value === 'success' || value === 'failure') return [value];
  throw new InvalidArgumentError('must be success or failure.');
}

function range(value: string, previous: string[] | undefined): string[] {
  if (!isAddressRange(value))
    throw new InvalidArgumentError('must be an address or a block like 10.0.0.0/8.');
  return repeated(value, previous);
}

/** Adds the filters of the API. A repeated option matches any of its values. */
const filtered = (command: Command): Command =>
  command
    .option('--type <type>', 'event type, like user.created or user.* (can be repeated)', repeated)
    .option('--outcome <outcome>', 'success or failure', outcome)
    .option('--actor <who>', 'actor: id, address, username or client (can be repeated)', repeated)
    .option('--subject <who>', 'account: id, address or username (can be repeated)', repeated)
    .option('--client-id <id>', 'client_id (can be repeated)', repeated)
    .option('--door <door>', 'channel, like pages or api (can be repeated)', repeated)
    .option('--ip <address>', 'IP address or CIDR block (can be repeated)', range)
    .option('--request-id <id>', 'request id (can be repeated)', repeated)
    .option('--after <time>', 'start, inclusive, like 2026-11-01T00:00:00Z or 7d', moment)
    .option('--before <time>', 'end, exclusive', moment);

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('search, export and purge the audit log');
  reporting(
    filtered(audit.command('list').description('list events, newest first'))
      .option('--limit <n>', 'maximum number of results', integer(1, 100), 50)
      .option('--cursor <cursor>', 'next_cursor of the previous page, with the same filters'),
    list,
  );
  reporting(audit.command('show').description('show an event').argument('<id>', 'event id', uuid), show);
  reporting(
    audit
      .command('put-back')
      .description('undo an event: restore the values from before it, as a new change')
      .argument('<id>', 'event id', uuid),
    putBack,
  );
  filtered(audit.command('export').description('export all matching events (recorded in the audit)'))
    .addOption(new Option('--format <format>', 'output format').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--out <file>', 'write to a file readable only by its owner, instead of standard output')
    .action(exportEvents);
  reporting(
    audit
      .command('purge')
      .description('delete old events before audit.retention does (recorded in the audit)')
      .requiredOption('--older-than <time>', 'minimum age, like 90d or 12h')
      .option('--yes', 'skip the confirmation'),
    purge,
  );
}
