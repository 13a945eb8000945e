import type { Command } from 'commander';
import { confirm } from '../confirm.ts';
import { startOf } from '../duration.ts';
import { operator } from '../operator.ts';
import { type Report, reporting } from '../report.ts';

interface PurgeOptions {
  olderThan: string;
  yes?: boolean;
}

async function purge({ olderThan, yes = false }: PurgeOptions): Promise<Report> {
  const before = startOf(olderThan);
  const at = before.toISOString();
  await confirm(`Delete every audit event from before ${at}?`, yes);
  const { withCore } = await import('../session.ts');
  const events = await withCore(({ auditRetention }) => auditRetention.purge(before, operator()));
  return { json: { before: at, events }, text: `Deleted ${events} audit events from before ${at}.` };
}

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the log of what happened: purge');
  reporting(
    audit
      .command('purge')
      .description('delete old events sooner than audit.retention does; that it was done is an event, too')
      .requiredOption('--older-than <time>', 'how old they are, like 90d or 12h')
      .option('--yes', 'do it without asking'),
    purge,
  );
}
