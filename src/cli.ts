/** The `postern` command: names what there is; what is not asked for is not loaded. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { printUsageError } from './cli/report.ts';

const manifest = new URL('../package.json', import.meta.url);
const { version, description } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string>;

const program = new Command('postern')
  .description(description ?? '')
  .version(version ?? '')
  .exitOverride();

/** What adds each command, in the order of the help. */
const commands = new Map<string, () => Promise<(program: Command) => void>>([
  ['serve', async () => (await import('./cli/commands/serve.ts')).addServe],
  ['migrate', async () => (await import('./cli/commands/migrate.ts')).addMigrate],
  ['doctor', async () => (await import('./cli/commands/doctor.ts')).addDoctor],
  ['dump', async () => (await import('./cli/commands/dump.ts')).addDump],
  ['import', async () => (await import('./cli/commands/import.ts')).addImport],
  ['migration', async () => (await import('./cli/commands/migration.ts')).addMigration],
  ['export', async () => (await import('./cli/commands/export.ts')).addExport],
  ['user', async () => (await import('./cli/commands/user.ts')).addUser],
  ['apply', async () => (await import('./cli/commands/apply.ts')).addApply],
  ['config', async () => (await import('./cli/commands/config.ts')).addConfig],
  ['attributes', async () => (await import('./cli/commands/attributes.ts')).addAttributes],
  ['role', async () => (await import('./cli/commands/role.ts')).addRole],
  ['group', async () => (await import('./cli/commands/group.ts')).addGroup],
  ['client', async () => (await import('./cli/commands/client.ts')).addClient],
  ['api', async () => (await import('./cli/commands/api.ts')).addApi],
  ['mcp', async () => (await import('./cli/commands/mcp.ts')).addMcp],
  ['api-key', async () => (await import('./cli/commands/api-key.ts')).addApiKey],
  [
    'registration-token',
    async () => (await import('./cli/commands/registration-token.ts')).addRegistrationToken,
  ],
  ['scim-token', async () => (await import('./cli/commands/scim-token.ts')).addScimToken],
  ['contract', async () => (await import('./cli/commands/contract.ts')).addContract],
  ['stats', async () => (await import('./cli/commands/stats.ts')).addStats],
  ['setup', async () => (await import('./cli/commands/setup.ts')).addSetup],
  ['branding', async () => (await import('./cli/commands/branding.ts')).addBranding],
  ['setting', async () => (await import('./cli/commands/setting.ts')).addSetting],
  ['key', async () => (await import('./cli/commands/key.ts')).addKey],
  ['audit', async () => (await import('./cli/commands/audit.ts')).addAudit],
  ['mail', async () => (await import('./cli/commands/mail.ts')).addMail],
  ['webhook', async () => (await import('./cli/commands/webhook.ts')).addWebhook],
  ['upstream', async () => (await import('./cli/commands/upstream.ts')).addUpstream],
  ['login', async () => (await import('./cli/commands/login.ts')).addLogin],
]);
// Whatever names no command is about all of them: help, or a mistake and what may have been meant.
const asked = commands.get(process.argv[2] ?? '');
const loading = asked ? [asked] : [...commands.values()];
for (const add of await Promise.all(loading.map((load) => load()))) add(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // It has told people what is wrong by now.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
  if (error.exitCode !== 0 && process.argv.includes('--json')) printUsageError(error);
}
// Whatever is left open by then keeps nobody waiting.
process.exit();
