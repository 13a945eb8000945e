import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { answer } from '../../oidc/support/flow.ts';
import type { Person } from '../../oidc/support/provider.ts';
import { type Page, UserAgent } from '../../oidc/support/user-agent.ts';
import { temporaryFolder } from '../../support/cleanup.ts';
import type { OtherProvider } from './other-provider.ts';

/** The environment variable of the secret in `upstreamsAt`. */
export const SECRET = { OTHER_SECRET: 'a secret of the other provider' };

/** Configuration for the other provider: plain OAuth 2.0 as `hub`, OpenID Connect as `odd`. */
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

/** Where to sign in without an app, followed by the id of a provider. */
export const STANDALONE = '/sign-in/upstream?next=%2Faccount&with=';

export const heading = ({ html }: Page): string | undefined => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];

/** Where a page redirects by itself. */
export const redirectOf = ({ headers }: Page): string =>
  /^0; url=(.*)$/.exec(headers.get('refresh') ?? '')?.[1] ?? '';

/** Goes to a provider and signs in there as `person`. @returns the URL to return to. */
export async function signInAtProvider(agent: UserAgent, start: string, person?: Person): Promise<string> {
  const { leftFor } = await agent.open(start);
  if (!leftFor) throw new Error('did not leave');
  const there = new UserAgent(leftFor.origin);
  const page = await there.open(leftFor);
  const left = page.leftFor ?? (person && (await answer(there, page, person)).leftFor);
  if (!left) throw new Error(`did not come back: ${page.html.slice(0, 500)}`);
  return left.href;
}

/** The whole sign-in: to the provider, back, and on from there. */
export async function signInBy(agent: UserAgent, start: string, person?: Person): Promise<Page> {
  const back = await agent.open(await signInAtProvider(agent, start, person));
  return back.status === 200 ? agent.open(redirectOf(back)) : back;
}

/** Whether this browser is signed in. */
export const isSignedIn = async (agent: UserAgent): Promise<boolean> =>
  (await agent.open('/account')).url.pathname === '/account';
