import type { Command } from 'commander';
import { integer } from '../options.ts';
import { reporting } from '../report.ts';
import type { Asked as ShadowOptions } from '../shadow/index.ts';

interface VerifyOptions {
  apiKey?: string;
  otherApiKey?: string;
}

export function addContract(program: Command): void {
  const contract = program
    .command('contract')
    .description(
      'manage contract doors: list, open, close, usage; verify a server, shadow one, write a new door',
    );
  reporting(contract.command('list').description('list the doors and their URLs'), async () => {
    const { listContracts } = await import('./contract-report.ts');
    return listContracts();
  });
  for (const [verb, open] of [
    ['open', true],
    ['close', false],
  ] as const)
    reporting(
      contract
        .command(verb)
        .description(`${verb} a door on all nodes at once, overriding CONTRACTS`)
        .argument('<name>', 'name of the door'),
      async (name: string) => {
        const { openContract } = await import('./contract-report.ts');
        return openContract(name, open);
      },
    );
  reporting(
    contract
      .command('usage')
      .description('show who still uses which door: requests, accounts and last use')
      .option('--days <n>', 'number of days, including today', integer(1, 400), 30)
      .option('--door <name>', 'only this door, by endpoint and day, program, address and account'),
    async (options: { days: number; door?: string }) => {
      const { reportUsage } = await import('./contract-report.ts');
      return reportUsage(options);
    },
  );
  reporting(
    contract
      .command('verify')
      .description(
        "run a door's conformance cases against a server: Postern, or the service that it replaces",
      )
      .argument('<name>', 'name of the door')
      .argument('<url>', 'base URL of the contract')
      .argument('[other]', 'base URL of another server, to compare the two')
      .option('--api-key <key>', 'API key, if the door needs one')
      .option('--other-api-key <key>', 'API key for the other server'),
    async (name: string, url: string, other: string | undefined, options: VerifyOptions) => {
      const { compareServers, verifyContract } = await import('./contract-verify.ts');
      return other === undefined
        ? verifyContract(name, url, options)
        : compareServers(name, [url, other], [options.apiKey, options.otherApiKey ?? options.apiKey]);
    },
  );
  reporting(
    contract
      .command('shadow')
      .description(
        'run a proxy that the old service answers; reads and logins also go to Postern, to compare the replies',
      )
      .argument('<name>', 'name of the door')
      .requiredOption('--old <url>', "base URL of the old service's contract")
      .requiredOption('--port <n>', 'port of the proxy', integer(0, 65_535))
      .option('--host <address>', 'address that the proxy listens on', '127.0.0.1')
      .option('--postern <url>', "base URL of Postern's door; default: under PUBLIC_URL")
      .option('--api-key <key>', "API key for Postern, in place of the old service's")
      .option(
        '--report <folder>',
        'folder for report.json, report.txt and report.html; default: shadow/<name> in DATA_DIR',
      ),
    async (name: string, options: ShadowOptions) => {
      const { shadowContract } = await import('../shadow/index.ts');
      return shadowContract(name, options);
    },
  );
  reporting(
    contract
      .command('new')
      .description('generate a door of your own from the OpenAPI document of an old service')
      .argument('<name>', 'name of the new door')
      .requiredOption(
        '--openapi <file>',
        'document of the old service: OpenAPI 3 or Swagger 2.0, JSON or YAML',
      )
      .option('--out <folder>', 'folder to write to; default: a folder of the same name, here'),
    async (name: string, options: { openapi: string; out?: string }) => {
      const { newDoor } = await import('../new-door/index.ts');
      return newDoor(name, options);
    },
  );
}
