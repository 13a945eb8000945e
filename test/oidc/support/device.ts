import { expect } from '@jest/globals';
import { post, type Reply, type Tokens } from './flow.ts';
import type { Client, Person, Provider } from './provider.ts';
import { type Page, UserAgent } from './user-agent.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
/** Metadata of a device client. */
export const DEVICE = {
  grant_types: [DEVICE_CODE, 'refresh_token'],
  response_types: [],
  redirect_uris: [],
};

/** The reply to a device (RFC 8628 section 3.2). */
export interface Codes {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

/** Requests the codes as the device. */
export const beginDevice = async (
  provider: Pick<Provider, 'url'>,
  client: Client,
  parameters: Record<string, string> = {},
): Promise<Codes> => {
  const { status, body } = await post<Codes>(provider, 'device_authorization', client, {
    scope: 'openid profile offline_access',
    ...parameters,
  });
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
};

export const pollDevice = (
  provider: Pick<Provider, 'url'>,
  client: Client,
  code: string,
): Promise<Reply<Tokens>> =>
  post<Tokens>(provider, 'token', client, { grant_type: DEVICE_CODE, device_code: code });

/** Enters the code, continues, and answers the interaction. */
export async function approveDevice(
  provider: Pick<Provider, 'url'>,
  person: Person,
  code: string,
  agent = new UserAgent(provider.url),
): Promise<Page> {
  const confirm = await agent.submit(await agent.open('/device'), { user_code: code }, '/device');
  let page = await agent.submit(confirm, { confirm: 'yes' }, '/device');
  if (page.html.includes('name="password"'))
    page = await agent.submit(page, { identifier: person.email, password: person.password }, '/sign-in');
  if (page.html.includes('value="allow"')) page = await agent.submit(page, { decision: 'allow' }, '/consent');
  return page;
}
