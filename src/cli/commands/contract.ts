import type { Command } from 'commander';
import { integer } from '../options.ts';
import { reporting } from '../report.ts';

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
      .option('--api-key <key>', 'for a door that wants one'),
    async (name: string, url: string, options: { apiKey?: string }) => {
      const { verifyContract } = await import('./contract-verify.ts');
      return verifyContract(name, url, options);
    },
  );
}
