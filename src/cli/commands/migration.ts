import type { Command } from 'commander';
import { reporting } from '../report.ts';

export function addMigration(program: Command): void {
  const migration = program
    .command('migration')
    .description('move in from another service: show progress, import its refresh tokens');
  reporting(
    migration
      .command('status')
      .description(
        'show who has signed in and how, what the old service is still needed for, and what remains to do',
      ),
    async () => (await import('../migration.ts')).migrationStatus(),
  );
  reporting(
    migration
      .command('import-tokens')
      .description('import hashes of opaque refresh tokens of the old service, for a door to exchange')
      .argument('<file>', 'NDJSON or CSV with hash, source_id, expires_at, issued_at; - for standard input')
      .requiredOption('--contract <name>', 'door that exchanges them')
      .option('--source <name>', 'name of the old service, as in `postern import --source`'),
    async (file: string, options: { contract: string; source?: string }) =>
      (await import('../migration.ts')).importTokens(file, options),
  );
}
