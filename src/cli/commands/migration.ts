import type { Command } from 'commander';
import { reporting } from '../report.ts';

export function addMigration(program: Command): void {
  const migration = program
    .command('migration')
    .description('moving in from another service: how far it is, and its refresh tokens');
  reporting(
    migration
      .command('status')
      .description('who has come and how, what of the old service is still in use, and what remains'),
    async () => (await import('../migration.ts')).migrationStatus(),
  );
  reporting(
    migration
      .command('import-tokens')
      .description('take opaque refresh tokens of the old service, by their hash, for a door to exchange')
      .argument('<file>', 'NDJSON or CSV of hash, source_id, expires_at, issued_at; or - for standard input')
      .requiredOption('--contract <name>', 'the door that they come to')
      .option('--source <name>', 'the service that their owners came from, as it is called here'),
    async (file: string, options: { contract: string; source?: string }) =>
      (await import('../migration.ts')).importTokens(file, options),
  );
}
