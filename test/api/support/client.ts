import { type Tokens, signIn } from '../../oidc/support/flow.ts';
import type { Client, Person, Provider } from '../../oidc/support/provider.ts';
import { undocumentedStatus } from '../../support/openapi.ts';
import { UserAgent } from '../../oidc/support/user-agent.ts';

/** A reply of the API. */
export interface ApiReply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** An app with a token for the API. */
export interface App {
  tokens: Tokens;
  client: Client;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiReply>;
}

export const apiOf = ({ url }: Pick<Provider, 'url'>): string => `${url}/api/v2`;

const documents = new Map<string, Promise<object>>();

/** The server's OpenAPI document, fetched once. */
function documentOf(provider: Pick<Provider, 'url'>): Promise<object> {
  const known = documents.get(provider.url);
  if (known) return known;
  const asked = fetch(`${apiOf(provider)}/openapi.json`).then((reply) => reply.json() as Promise<object>);
  documents.set(provider.url, asked);
  return asked;
}

/** Calls the API with no token but what `headers` have. */
export async function send(
  provider: Pick<Provider, 'url'>,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<ApiReply> {
  const reply = await fetch(`${apiOf(provider)}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  const undocumented = undocumentedStatus(
    await documentOf(provider),
    { method, url: `${apiOf(provider)}${path}` },
    reply,
  );
  if (undocumented !== null) throw new Error(undocumented);
  return {
    status: reply.status,
    headers: reply.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

/** Signs the person in to a browser-based app and grants it `scope`. */
export async function connect(
  provider: Provider,
  person: Person,
  scope: string,
  {
    agent = new UserAgent(provider.url),
    client,
    parameters = {},
  }: { agent?: UserAgent; client?: Client; parameters?: Record<string, string> } = {},
): Promise<App> {
  const app = client ?? (await provider.createClient({}, { isPublic: true }));
  const resource = apiOf(provider);
  const all = { scope: `openid ${scope}`, resource, ...parameters };
  const tokens = await signIn(provider, app, person, { agent, parameters: all });
  const authorization = `Bearer ${tokens.access_token}`;
  return {
    tokens,
    client: app,
    call: (method, path, body, headers = {}) =>
      send(provider, method, path, { body, headers: { authorization, ...headers } }),
  };
}
