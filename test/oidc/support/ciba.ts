import { post, type Reply, type Tokens } from './flow.ts';
import type { Client, Person, Provider } from './provider.ts';
import { type Page, UserAgent } from './user-agent.ts';

export const CIBA = 'urn:openid:params:grant-type:ciba';
/** Metadata of a client in poll mode. */
export const POLL = {
  grant_types: [CIBA, 'refresh_token'],
  response_types: [],
  redirect_uris: [],
  backchannel_token_delivery_mode: 'poll',
};

interface Asked {
  auth_req_id: string;
  expires_in: number;
  interval: number;
}

/** Sends a backchannel authentication request. */
export const askForLogin = (
  provider: Pick<Provider, 'url'>,
  client: Client,
  parameters: Record<string, string>,
): Promise<Reply<Asked>> =>
  post<Asked>(provider, 'bc-authorize', client, { scope: 'openid profile', ...parameters });

export const pollLogin = (
  provider: Pick<Provider, 'url'>,
  client: Client,
  id: string,
): Promise<Reply<Tokens>> => post<Tokens>(provider, 'token', client, { grant_type: CIBA, auth_req_id: id });

/** Opens the requests as the person, who signs in for it. */
export async function openLoginRequests(
  { url }: Pick<Provider, 'url'>,
  person: Person,
): Promise<{ agent: UserAgent; page: Page }> {
  const agent = new UserAgent(url);
  const values = { identifier: person.email, password: person.password };
  return { agent, page: await agent.submit(await agent.open('/account/requests'), values, '/sign-in') };
}

export async function approveLogin(provider: Pick<Provider, 'url'>, person: Person): Promise<Page> {
  const { agent, page } = await openLoginRequests(provider, person);
  return agent.submit(page, {}, '/approve');
}
