import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server, migrating its database first')
    .option('--json', 'print one JSON object when it is ready; logs go to standard error')
    .action(async (options: { json?: boolean }) => {
      const [{ serveCommand }, { fail }] = await Promise.all([
        import('../serve/index.ts'),
        import('../report.ts'),
      ]);
      await serveCommand(options).catch((error: unknown) => fail(error, options.json ?? false));
    });
}
