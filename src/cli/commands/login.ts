import type { Command } from 'commander';
import type { LoginOptions } from '../login.ts';
import { reporting } from '../report.ts';

export function addLogin(program: Command): void {
  const command = program
    .command('login')
    .description('sign in through the browser and print the tokens')
    .option(
      '--client-id <id>',
      'public client with the redirect URI http://127.0.0.1/callback (default: a new one)',
    )
    .option('--issuer <url>', 'sign in at another provider; needs --client-id')
    .option('--scope <scopes>', 'scopes to request', 'openid profile email')
    .option('--resource <uri>', 'API that the access token is for')
    .option('--no-browser', 'only print the URL')
    .option('--device', 'without a browser here: enter a code on any device');
  reporting(command, async (options: LoginOptions) => (await import('../login.ts')).login(options));
}
