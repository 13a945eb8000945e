import { type Command, Option } from 'commander';
import { jsonFile, repeated } from '../options.ts';
import { reporting } from '../report.ts';

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('take over the accounts of another service, with passwords, ids and second factors')
    .argument('[file]', 'its export, or - for standard input')
    .option(
      '--from <source>',
      'what the file is, where its content does not say: ndjson, csv, keycloak, auth0, firebase, supabase, cognito, django, wordpress, ldif; or postgres://… with --query',
    )
    .option('--query <select>', 'the query whose rows are the accounts')
    .option(
      '--with <file>',
      'another file of the same export: hashes, identities, factors (can be repeated)',
      repeated,
    )
    .option('--mapping <file>', 'JSON: which column is which field, {"field": "column"}', jsonFile)
    .option('--map <field=column>', 'one of these (can be repeated)', repeated)
    .option('--model <app.model>', "Django's model of users")
    .option(
      '--source <name>',
      'what the service is called here: accounts are known again by this and their id there',
    )
    .option('--map-role <from=to>', 'a role there and what it is here (can be repeated)', repeated)
    .option('--map-provider <from=to>', 'a provider there and the upstream here (can be repeated)', repeated)
    .option('--hash-params <file>', 'JSON: what all password hashes have in common', jsonFile)
    .option('--wrap-weak', 'keep fast and cheap hashes within argon2id')
    .option('--dry-run', 'say what would be done, and do nothing')
    .addOption(
      new Option('--on-conflict <policy>', 'for an account that is there already')
        .choices(['skip', 'update', 'fail'])
        .default('fail'),
    )
    .addOption(
      new Option('--on-bad-hash <policy>', 'for a password hash that cannot be taken')
        .choices(['fail', 'without-password'])
        .default('fail'),
    )
    .addOption(
      new Option('--missing-email <policy>', 'for an account without an address')
        .choices(['fail', 'placeholder'])
        .default('fail'),
    );
  reporting(command, async (file: string | undefined, options: object) => {
    const { importAccounts } = await import('../import.ts');
    return importAccounts(file, options as Parameters<typeof importAccounts>[1]);
  });
}
