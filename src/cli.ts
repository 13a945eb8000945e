/** The `postern` command: names what there is; each command loads its parts when it runs. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addApi } from './cli/commands/api.ts';
import { addApiKey } from './cli/commands/api-key.ts';
import { addAudit } from './cli/commands/audit.ts';
import { addClient } from './cli/commands/client.ts';
import { addContract } from './cli/commands/contract.ts';
import { addDoctor } from './cli/commands/doctor.ts';
import { addDump } from './cli/commands/dump.ts';
import { addKey } from './cli/commands/key.ts';
import { addLogin } from './cli/commands/login.ts';
import { addMigrate } from './cli/commands/migrate.ts';
import { addRegistrationToken } from './cli/commands/registration-token.ts';
import { addServe } from './cli/commands/serve.ts';
import { addUpstream } from './cli/commands/upstream.ts';
import { addUser } from './cli/commands/user.ts';
import { printUsageError } from './cli/report.ts';

const manifest = new URL('../package.json', import.meta.url);
const { version, description } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string>;

const program = new Command('postern')
  .description(description ?? '')
  .version(version ?? '')
  .exitOverride();
const parts = [
  addServe,
  addMigrate,
  addDoctor,
  addDump,
  addUser,
  addClient,
  addApi,
  addApiKey,
  addRegistrationToken,
  addContract,
  addKey,
  addAudit,
  addUpstream,
];
for (const add of [...parts, addLogin]) add(program);

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
