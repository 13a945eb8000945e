import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { answer } from '../../oidc/support/flow.ts';
import type { Person } from '../../oidc/support/provider.ts';
import { type Page, UserAgent } from '../../oidc/support/user-agent.ts';
import { temporaryFolder } from '../../support/cleanup.ts';
import type { OtherProvider } from './other-provider.ts';

/** The variable that `upstreamsAt` names a secret in. */
export const SECRET = { OTHER_SECRET: 'a secret of the other provider' };

/** The other provider, configured: with OAuth 2.0 alone as `hub`, with OpenID Connect as `odd`. */
export function upstreamsAt({ url }: OtherProvider) {
  const oauth = `${url}/oauth`;
  const client = { clientId: 'postern', clientSecretEnv: 'OTHER_SECRET' };
  return [
    {
      id: 'hub',
      name: 'Hub',
      endpoints: { authorization: `${oauth}/authorize`, token: `${oauth}/token`, userinfo: `${oauth}/user` },
      claims: { subject: 'id', username: 'login' },
      scopes: ['read:user'],
      ...client,
    },
    { id: 'odd', name: 'Odd', issuer: `${url}/oidc`, trustEmail: true, ...client },
  ];
}

/** A file with a secret in it. */
export async function secretFile(secret: string): Promise<string> {
  const file = path.join(await temporaryFolder(), 'secret');
  await writeFile(file, `${secret}\n`);
  return file;
}

/** Where somebody signs in by themselves; the id of a provider follows. */
export const STANDALONE = '/sign-in/upstream?next=%2Faccount&with=';

export const heading = ({ html }: Page): string | undefined => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];

/** Where a page leads on to by itself. */
export const onwardOf = ({ headers }: Page): string =>
  /^0; url=(.*)$/.exec(headers.get('refresh') ?? '')?.[1] ?? '';

/** Goes to a provider, signs in there as `person`, and is sent back. @returns the address to come back to. */
export async function away(agent: UserAgent, start: string, person?: Person): Promise<string> {
  const { leftFor } = await agent.open(start);
  if (!leftFor) throw new Error('did not leave');
  const there = new UserAgent(leftFor.origin);
  const page = await there.open(leftFor);
  const left = page.leftFor ?? (person && (await answer(there, page, person)).leftFor);
  if (!left) throw new Error(`did not come back: ${page.html.slice(0, 500)}`);
  return left.href;
}

/** All the way: away, back, and on to where that leads. */
export async function signInBy(agent: UserAgent, start: string, person?: Person): Promise<Page> {
  const back = await agent.open(await away(agent, start, person));
  return back.status === 200 ? agent.open(onwardOf(back)) : back;
}

/** Whether somebody is signed in with this browser. */
export const isIn = async (agent: UserAgent): Promise<boolean> =>
  (await agent.open('/account')).url.pathname === '/account';
