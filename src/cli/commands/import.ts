import { type Command, Option } from 'commander';
import { jsonFile, repeated } from '../options.ts';
import { reporting } from '../report.ts';

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('import the accounts of another service, with passwords, ids and second factors')
    .argument('[file]', 'export of the other service; - for standard input')
    .option(
      '--from <source>',
      'format of the file, if its content does not tell: ndjson, csv, keycloak, auth0, firebase, supabase, cognito, django, wordpress, ldif; or postgres://… with --query',
    )
    .option('--query <select>', 'query whose rows are the accounts')
    .option(
      '--with <file>',
      'another file of the same export, with hashes, identities or factors (can be repeated)',
      repeated,
    )
    .option('--mapping <file>', 'JSON file that maps fields to columns: {"field": "column"}', jsonFile)
    .option('--map <field=column>', 'map one field to a column (can be repeated)', repeated)
    .option('--model <app.model>', "Django's user model")
    .option(
      '--source <name>',
      'name for the other service: this and the id there identify an account in later imports',
    )
    .option('--map-role <from=to>', 'map a role of the other service to one here (can be repeated)', repeated)
    .option(
      '--map-provider <from=to>',
      'map a provider of the other service to an upstream here (can be repeated)',
      repeated,
    )
    .option('--hash-params <file>', 'JSON file with the parameters that all password hashes share', jsonFile)
    .option('--wrap-weak', 'wrap fast, weak hashes in argon2id')
    .option('--dry-run', 'only report what would be done')
    .addOption(
      new Option('--on-conflict <policy>', 'what to do with an account that exists already')
        .choices(['skip', 'update', 'fail'])
        .default('fail'),
    )
    .addOption(
      new Option('--on-bad-hash <policy>', 'what to do with an unusable password hash')
        .choices(['fail', 'without-password'])
        .default('fail'),
    )
    .addOption(
      new Option('--missing-email <policy>', 'what to do with an account without an address')
        .choices(['fail', 'placeholder'])
        .default('fail'),
    );
  reporting(command, async (file: string | undefined, options: object) => {
    const { importAccounts } = await import('../import.ts');
    return importAccounts(file, options as Parameters<typeof importAccounts>[1]);
  });
}
