import type { Command } from 'commander';
import { reporting } from '../report.ts';

export function addMigrate(program: Command): void {
  const command = program.command('migrate').description("bring the database up to this version's schema");
  reporting(command, async () => {
    const [{ withDatabase }, { migrate, MIGRATIONS }] = await Promise.all([
      import('../session.ts'),
      import('../../storage/postgres/migrator.ts'),
    ]);
    const applied = await withDatabase((database, config, logger) =>
      migrate(database.url, logger, MIGRATIONS, undefined, config.coordination),
    );
    const text = applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`;
    return { json: { applied }, text };
  });
}
