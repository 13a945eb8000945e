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
      'the contract doors: what there is, who uses it, opening and closing, whether a server keeps to it',
    );
  reporting(contract.command('list').description('list the doors and where each answers'), async () => {
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
        .description(`${verb} a door on all nodes at once, over what CONTRACTS says`)
        .argument('<name>', 'the door'),
      async (name: string) => {
        const { openContract } = await import('./contract-report.ts');
        return openContract(name, open);
      },
    );
  reporting(
    contract
      .command('usage')
      .description('who still uses which door: requests, accounts and last use')
      .option('--days <n>', 'how many, today among them', integer(1, 400), 30)
      .option('--door <name>', 'one door alone, by endpoint and day, program, address and account'),
    async (options: { days: number; door?: string }) => {
      const { reportUsage } = await import('./contract-report.ts');
      return reportUsage(options);
    },
  );
  reporting(
    contract
      .command('verify')
      .description("run a door's conformance cases against a server: Postern, or the one that it replaces")
      .argument('<name>', 'the door')
      .argument('<url>', "what comes before the document's own paths")
      .argument('[other]', 'another server, to have both side by side')
      .option('--api-key <key>', 'for a door that wants one')
      .option('--other-api-key <key>', 'the same for the other server'),
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
        'a proxy that the old service answers, and that asks Postern as well what only reads or logs in',
      )
      .argument('<name>', 'the door')
      .requiredOption('--old <url>', "the old service: what comes before the document's own paths")
      .requiredOption('--port <n>', 'where the proxy listens', integer(0, 65_535))
      .option('--host <address>', 'the address that it listens at', '127.0.0.1')
      .option('--postern <url>', "Postern's door; under PUBLIC_URL unless given")
      .option('--api-key <key>', "Postern's key, in place of the old service's")
      .option(
        '--report <folder>',
        'where report.json, report.txt and report.html are; shadow/<name> in DATA_DIR unless given',
      ),
    async (name: string, options: ShadowOptions) => {
      const { shadowContract } = await import('../shadow/index.ts');
      return shadowContract(name, options);
    },
  );
  reporting(
    contract
      .command('new')
      .description('write a door of your own from the OpenAPI document of an old service')
      .argument('<name>', 'what it is to be called')
      .requiredOption('--openapi <file>', 'its document: OpenAPI 3 or Swagger 2.0, in JSON or YAML')
      .option('--out <folder>', 'where it is written; a folder of its name, here, unless given'),
    async (name: string, options: { openapi: string; out?: string }) => {
      const { newDoor } = await import('../new-door/index.ts');
      return newDoor(name, options);
    },
  );
}
