import { setTimeout as sleep } from 'node:timers/promises';
import { createHash, randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Client, Person, Provider } from './provider.ts';
import { type Page, UserAgent } from './user-agent.ts';

export interface Tokens {
  access_token: string;
  refresh_token: string;
  id_token: string;
  expires_in: number;
  scope: string;
}

/** A reply of an OAuth endpoint. `body` is empty if it is not JSON. */
export interface Reply<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

type Parameters = Record<string, string | string[]>;

/** One code verifier for all tests. PKCE itself is tested with others. */
export const VERIFIER = randomBytes(32).toString('base64url');
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

export function form(parameters: Parameters): URLSearchParams {
  return new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    ),
  );
}

const credentials = ({ id, secret }: Client): Record<string, string> =>
  secret ? { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` } : {};

/** Posts to an endpoint as the client. */
export async function post<T = Record<string, unknown>>(
  provider: Pick<Provider, 'url'>,
  endpoint: 'token' | 'introspect' | 'revoke' | 'par' | 'device_authorization' | 'bc-authorize',
  client: Client,
  parameters: Parameters,
  headers: Record<string, string> = {},
): Promise<Reply<T>> {
  const reply = await fetch(`${provider.url}/oauth2/${endpoint}`, {
    method: 'POST',
    headers: { ...credentials(client), ...headers },
    body: form({ ...parameters, ...(client.secret ? {} : { client_id: client.id }) }),
  });
  const text = await reply.text();
  const body = (reply.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {}) as T;
  return { status: reply.status, headers: reply.headers, body, text };
}

/** Parameters of an authorization request. An empty string leaves one out. */
function authorizationRequest(client: Client, parameters: Parameters): Parameters {
  const all: Parameters = {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'a-state',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...parameters,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

/** The URL of an authorization request. An empty string leaves a parameter out. */
export const authorizationUrl = (
  provider: Pick<Provider, 'url'>,
  client: Client,
  parameters: Parameters = {},
): string => `${provider.url}/oauth2/authorize?${form(authorizationRequest(client, parameters)).toString()}`;

/** Pushes an authorization request (RFC 9126). @returns its `request_uri`. */
export async function push(
  provider: Pick<Provider, 'url'>,
  client: Client,
  parameters: Parameters = {},
): Promise<string> {
  const request = authorizationRequest(client, parameters);
  const { status, body } = await post<{ request_uri: string }>(provider, 'par', client, request);
  expect(status).toBe(201);
  return body.request_uri;
}

/** The URL of a pushed authorization request. */
export const pushedUrl = (provider: Pick<Provider, 'url'>, { id }: Client, requestUri: string): string =>
  `${provider.url}/oauth2/authorize?${form({ client_id: id, request_uri: requestUri }).toString()}`;

/** Answers the pages of an interaction as the person: signs in and consents. */
export async function answer(agent: UserAgent, start: Page, { email, password }: Person): Promise<Page> {
  let page = start;
  for (let pages = 0; page.leftFor === null && pages < 4; pages += 1) {
    page = page.html.includes('name="password"')
      ? await agent.submit(page, { identifier: email, password }, '/sign-in')
      : await agent.submit(page, { decision: 'allow' }, '/consent');
  }
  return page;
}

/**
 * Sends the person through an authorization request. @returns the parameters at the client's redirect URI.
 */
export async function authorize(
  provider: Pick<Provider, 'url'>,
  agent: UserAgent,
  client: Client,
  person: Person,
  parameters: Parameters = {},
): Promise<URLSearchParams> {
  const page = await agent.open(authorizationUrl(provider, client, parameters));
  const { leftFor, html } = await answer(agent, page, person);
  if (!leftFor) throw new Error(`not back at the client: ${html.slice(0, 800)}`);
  return leftFor.searchParams;
}

export function exchange(
  provider: Pick<Provider, 'url'>,
  client: Client,
  code: string,
  parameters: Parameters = {},
  headers: Record<string, string> = {},
): Promise<Reply<Tokens>> {
  const all = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: VERIFIER,
    ...parameters,
  };
  return post<Tokens>(provider, 'token', client, all, headers);
}

/** A whole sign-in. @returns the tokens of the client. */
export async function signIn(
  provider: Pick<Provider, 'url'>,
  client: Client,
  person: Person,
  {
    parameters = {},
    agent = new UserAgent(provider.url),
  }: { parameters?: Parameters; agent?: UserAgent } = {},
): Promise<Tokens> {
  const answered = await authorize(provider, agent, client, person, parameters);
  const resource = parameters['resource'];
  const reply = await exchange(
    provider,
    client,
    answered.get('code') ?? '',
    resource === undefined ? {} : { resource },
  );
  expect(reply).toMatchObject({ status: 200 });
  return reply.body;
}

export const refresh = (
  provider: Pick<Provider, 'url'>,
  client: Client,
  token: string,
  parameters: Parameters = {},
): Promise<Reply<Tokens>> =>
  post<Tokens>(provider, 'token', client, {
    grant_type: 'refresh_token',
    refresh_token: token,
    ...parameters,
  });

export const introspect = (provider: Pick<Provider, 'url'>, client: Client, token: string): Promise<Reply> =>
  post(provider, 'introspect', client, { token });

/** Status and body of a call to the userinfo endpoint. */
export async function userinfo(provider: Pick<Provider, 'url'>, token: string): Promise<Reply> {
  const reply = await fetch(`${provider.url}/oauth2/userinfo`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await reply.text();
  return {
    status: reply.status,
    headers: reply.headers,
    body: JSON.parse(text) as Record<string, unknown>,
    text,
  };
}

/** Runs `work` in parallel, `times` times. */
export const atOnce = <T>(times: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => work(index)));

/** Milliseconds between two requests during an outage. */
const PAUSE = 50;

/**
 * Asks again while the answer is 503, as clients do during an outage.
 * @param see sees every answer. @returns the first other answer.
 */
export async function persist<T>(
  ask: () => Promise<Reply<T>>,
  see: (reply: Reply<T>) => void = () => undefined,
): Promise<Reply<T>> {
  for (;;) {
    const reply = await ask();
    see(reply);
    if (reply.status !== 503) return reply;
    await sleep(PAUSE);
  }
}
