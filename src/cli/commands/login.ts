import type { Command } from 'commander';
import type { LoginOptions } from '../login.ts';
import { reporting } from '../report.ts';

export function addLogin(program: Command): void {
  const command = program
    .command('login')
    .description('sign in through the browser and print real tokens')
    .option(
      '--client-id <id>',
      'a public client that may redirect to http://127.0.0.1/callback (default: one is made)',
    )
    .option('--issuer <url>', 'another provider than this one; needs --client-id')
    .option('--scope <scopes>', 'what to ask for', 'openid profile email')
    .option('--resource <uri>', 'the API that the access token is for')
    .option('--no-browser', 'only print the address')
    .option('--device', 'where there is no browser: sign in on any device, with a code');
  reporting(command, async (options: LoginOptions) => (await import('../login.ts')).login(options));
}
