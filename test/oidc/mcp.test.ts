import { beforeAll, describe, expect, it } from '@jest/globals';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { mcpUrlOf, startMcp } from '../../demo/mcp/server.ts';
import { addMcpServer } from '../../demo/registration.ts';
import { atEnd } from '../support/cleanup.ts';
import { startExample } from '../connecting/support/example.ts';
import { freePort } from '../support/ports.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { answer, authorizationUrl, exchange, refresh, type Tokens } from './support/flow.ts';
import { resetCounters } from './support/stored-records.ts';
import { MCP_CLIENTS } from './support/mcp-clients.ts';
import { type Person, type Provider, startProvider } from './support/provider.ts';
import { asClient, send } from './support/registration.ts';
import { UserAgent } from './support/user-agent.ts';

/**
 * The metadata that the official SDK's examples register: no application_type, and a loopback redirect URI
 * with a port.
 */
const CLIENT: OAuthClientMetadata = {
  client_name: 'An assistant',
  redirect_uris: ['http://localhost:33418/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** A client of the SDK with a person who answers the pages. */
class Assistant implements OAuthClientProvider {
  readonly redirectUrl = CLIENT.redirect_uris[0]!;
  readonly clientMetadata = CLIENT;
  readonly agent: UserAgent;
  readonly #person: Person;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';
  /** The last code sent to the redirect URI. */
  code = '';
  /** The consent pages so far. */
  readonly pages: string[] = [];

  constructor(issuer: string, person: Person) {
    this.agent = new UserAgent(issuer);
    this.#person = person;
  }

  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed) => void (this.#client = client);
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;

  async redirectToAuthorization(url: URL): Promise<void> {
    let page = await this.agent.open(url.href);
    if (page.html.includes('name="password"'))
      page = await this.agent.submit(
        page,
        { identifier: this.#person.email, password: this.#person.password },
        '/sign-in',
      );
    this.pages.push(page.html);
    const { leftFor } = await answer(this.agent, page, this.#person);
    this.code = leftFor?.searchParams.get('code') ?? '';
  }

  /** Connects like an app: is redirected to sign in, gets a code, connects again. */
  async connect(server: string): Promise<Client> {
    const first = new StreamableHTTPClientTransport(new URL(server), { authProvider: this });
    const connecting = new Client({ name: 'an-assistant', version: '1.0.0' }).connect(first);
    await expect(connecting).rejects.toThrow();
    await first.finishAuth(this.code);
    const client = new Client({ name: 'an-assistant', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(new URL(server), { authProvider: this }));
    return client;
  }
}

let provider: Provider;
let person: Person;
let server: string;
const postern = async (...args: string[]) => {
  const { stdout, stderr, code } = await runCli([...args, '--json'], { env: provider.postern.env });
  return { code, stderr, json: JSON.parse(stdout || '{}') as Record<string, never> };
};
const register = async (metadata: object) => {
  await resetCounters(provider, 'guess:registration');
  return send('POST', `${provider.url}/oauth2/register`, { body: { ...CLIENT, ...metadata } });
};

beforeAll(async () => {
  provider = await startProvider();
  person = await provider.createPerson();
  const port = await freePort();
  server = `http://localhost:${port}/mcp`;
  expect(await register({})).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  await postern(
    'mcp',
    'add',
    `${server}/`,
    '--name',
    'Notes',
    '--scope',
    'tools:read',
    '--scope',
    'tools:write',
  );
  await until(async () => (await register({})).status === 201);
  await startExample({ name: 'mcp-server', port, issuer: provider.url, audience: server });
});

describe('postern mcp', () => {
  it('adds a server by its URL and says what it has to serve', async () => {
    const { json } = await postern('mcp', 'show', `${server}/`);
    const { origin } = new URL(server);
    expect(json).toMatchObject({
      identifier: server,
      scopes: ['tools:read', 'tools:write'],
      default_scopes: ['tools:read', 'tools:write'],
      protected_resource_metadata_url: `${origin}/.well-known/oauth-protected-resource/mcp`,
      protected_resource_metadata: {
        resource: server,
        authorization_servers: [provider.url],
        scopes_supported: ['tools:read', 'tools:write'],
      },
      snippets: { typescript: expect.stringContaining(server), python: expect.stringContaining(server) },
    });
    expect(await (await fetch(String(json['protected_resource_metadata_url']))).json()).toMatchObject({
      resource: server,
    });
  });

  it('refuses an invalid URL, and shows and removes only MCP servers', async () => {
    for (const url of ['tools', 'https://a:b@x.example/#a'])
      expect(await postern('mcp', 'add', url)).toMatchObject({
        code: 1,
        json: { error: { code: 'invalid_request' } },
      });
    await provider.createApi({ identifier: 'https://closed.example.test' });
    expect(await postern('mcp', 'remove', 'https://closed.example.test')).toMatchObject({
      json: { error: { code: 'api_not_found' } },
    });
  });
});

describe('the official MCP SDK', () => {
  it('registers itself, signs in, calls a tool and refreshes', async () => {
    const assistant = new Assistant(provider.url, person);
    const client = await assistant.connect(server);
    const whoami = async () => {
      const { content } = (await client.callTool({ name: 'whoami' })) as { content: { text: string }[] };
      return JSON.parse(content[0]?.text ?? '') as object;
    };
    expect(await whoami()).toEqual({
      subject: person.id,
      client: assistant.clientInformation()?.client_id,
      scopes: ['tools:read'],
    });
    const before = assistant.tokens();
    expect(decodeJwt(before?.access_token ?? '').aud).toBe(server);
    expect(await auth(assistant, { serverUrl: server })).toBe('AUTHORIZED');
    expect(assistant.tokens()?.refresh_token).not.toBe(before?.refresh_token);
    await client.close();
  });

  it('keeps earlier scopes when it asks for more', async () => {
    const assistant = new Assistant(provider.url, person);
    expect(await auth(assistant, { serverUrl: server, scope: 'tools:read' })).toBe('REDIRECT');
    await auth(assistant, { serverUrl: server, scope: 'tools:read', authorizationCode: assistant.code });
    expect(assistant.tokens()).toMatchObject({ scope: 'tools:read' });
    const client = new Client({ name: 'an-assistant', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: assistant });
    await client.connect(transport);
    // With a refresh token the SDK refreshes, whatever scope is requested.
    const { refresh_token: _refresh, ...tokens } = assistant.tokens()!;
    assistant.saveTokens(tokens);
    await expect(client.callTool({ name: 'write_note' })).rejects.toThrow();
    await transport.finishAuth(assistant.code);
    const again = new Client({ name: 'an-assistant', version: '1.0.0' });
    await again.connect(new StreamableHTTPClientTransport(new URL(server), { authProvider: assistant }));
    expect(await again.callTool({ name: 'write_note' })).toMatchObject({ content: [{ text: '1 written' }] });
    expect(assistant.pages.at(-1)).toContain('tools:write');
    const client_id = String(assistant.clientInformation()?.client_id);
    const [row] = await provider.sql('select * from consents where client_id = $1', [client_id]);
    expect(row).toMatchObject({ allowed: { resourceScopes: { [server]: ['tools:read', 'tools:write'] } } });
    await Promise.all([client.close(), again.close()]);
  });
});

describe('the MCP demo', () => {
  it('connects its agent, which asks for more when it writes', async () => {
    const port = await freePort();
    await addMcpServer(mcpUrlOf(port), { ...process.env, ...provider.postern.env });
    const demo = await startMcp({ issuer: provider.url, port });
    atEnd(() => demo.close());
    const text = async (path: string) => (await fetch(`${demo.url}${path}`)).text();
    expect(await text('/')).toContain('>Connect<');
    const agent = new UserAgent(provider.url);
    for (const scope of ['notes:read', 'notes:write']) {
      const sent = await fetch(`${demo.url}/connect?scope=${scope}`, { redirect: 'manual' });
      const page = await agent.open(sent.headers.get('location') ?? '');
      const { leftFor } = await answer(agent, page, person);
      expect(await (await fetch(String(leftFor))).text()).toContain('No notes yet.');
    }
    expect(await (await fetch(`${demo.url}/write`, { method: 'POST' })).text()).toContain('A note by');
    // An unsolicited callback is ignored.
    await fetch(`${demo.url}/callback?code=x&state=undefined`);
    expect(await text('/')).toContain('A note by');
    expect((await fetch(`${demo.url}/mcp`, { method: 'POST', body: '{}' })).status).toBe(401);
    await postern('mcp', 'remove', mcpUrlOf(port));
  });
});

describe('a request as real MCP clients send it', () => {
  const ask = async (parameters: Record<string, string | string[]>, agent = new UserAgent(provider.url)) => {
    const { body } = await register({});
    const client = { ...asClient(body), redirectUri: String(CLIENT.redirect_uris[0]) };
    const page = await agent.open(authorizationUrl(provider, client, { scope: '', ...parameters }));
    return {
      client,
      agent,
      page,
      done: async () => (await answer(agent, page, person)).leftFor?.searchParams,
    };
  };

  it('without a scope is for the API’s default scopes, and gets a refresh token without offline_access', async () => {
    for (const parameters of [
      { resource: server },
      { resource: `${server}/` },
      { resource: server.replace('http://localhost', 'HTTP://LOCALHOST') },
      {},
    ]) {
      const { client, done } = await ask(parameters);
      const code = (await done())?.get('code') ?? '';
      const { body } = await exchange(provider, client, code, { resource: `${server}/` });
      expect(body).toMatchObject({ scope: 'tools:read tools:write', refresh_token: expect.any(String) });
      const next = await refresh(provider, client, body.refresh_token, { resource: server });
      expect(next.body).toMatchObject({ scope: 'tools:read tools:write' });
      expect(decodeJwt<Tokens>(next.body.access_token).aud).toBe(server);
    }
  });

  it('stays valid when the person signs out of the browser', async () => {
    const { client, agent, done } = await ask({ resource: server });
    const { body } = await exchange(provider, client, (await done())?.get('code') ?? '', {
      resource: server,
    });
    await agent.submit(await agent.open('/account'), {}, '/sign-out');
    expect(await refresh(provider, client, body.refresh_token)).toMatchObject({ status: 200 });
  });

  it('is refused before the sign-in if nothing can be granted', async () => {
    for (const [parameters, error] of [
      [{ scope: 'users:write' }, 'invalid_scope'],
      [{ scope: 'read', resource: 'https://closed.example.test' }, 'invalid_scope'],
      [{ resource: 'https://closed.example.test' }, 'invalid_scope'],
      [{ resource: 'https://nobody.example.test' }, 'invalid_target'],
    ] as const) {
      const { page } = await ask(parameters);
      expect(page.leftFor?.searchParams.get('error') ?? page.html).toBe(error);
    }
  });
});

describe('registration for open APIs', () => {
  it('grants their scopes and nothing else', async () => {
    expect((await register({ scope: 'tools:read email users:write' })).body.scope.split(' ').sort()).toEqual([
      'offline_access',
      'openid',
      'tools:read',
      'tools:write',
    ]);
    for (const metadata of [
      { scope: 'users:write' },
      { scope: 'profile email' },
      { grant_types: ['client_credentials'] },
      { registration: 'token' },
      { first_party: true },
    ])
      expect(await register(metadata)).toMatchObject({
        status: 400,
        body: { error: 'invalid_client_metadata' },
      });
  });

  it('infers the application type of clients that do not name one', async () => {
    for (const [uri, type] of [
      ['http://127.0.0.1:1234/callback', 'native'],
      ['http://[::1]/callback', 'native'],
      ['com.example.app:/callback', 'native'],
      ['cursor://anysphere.cursor-retrieval/oauth/user-agent-vscode/callback', 'native'],
      ['https://claude.ai/api/mcp/auth_callback', 'web'],
    ] as const)
      expect((await register({ redirect_uris: [uri] })).body).toMatchObject({ application_type: type });
  });

  it.each(MCP_CLIENTS)('lets $client_name register and use each of its redirect URIs', async (shape) => {
    const { status, body } = await register({ grant_types: undefined, response_types: undefined, ...shape });
    expect(status).toBe(201);
    expect(body).toMatchObject({ agent: true });
    const kept = body['redirect_uris'] as string[];
    expect(kept).toEqual(shape.redirect_uris.filter((uri) => !uri.startsWith('grokbot:')));
    // A native app may use any port (RFC 8252 section 7.3).
    const used = kept.map((uri) => uri.replace(/^(http:\/\/127\.0\.0\.1)\//, '$1:49152/'));
    const agent = new UserAgent(provider.url);
    for (const redirectUri of used) {
      const client = { ...asClient(body), secret: body.client_secret ?? '', redirectUri };
      const request = authorizationUrl(provider, client, { scope: '', resource: server });
      const { leftFor } = await answer(agent, await agent.open(request), person);
      expect(String(leftFor)).toContain(redirectUri);
      const code = leftFor?.searchParams.get('code') ?? '';
      const post = shape['token_endpoint_auth_method'] === 'client_secret_post';
      const tokens = await exchange(
        provider,
        post ? { ...client, secret: '' } : client,
        code,
        post ? { resource: server, client_secret: client.secret } : { resource: server },
      );
      expect(tokens).toMatchObject({ status: 200, body: { scope: 'tools:read tools:write' } });
    }
  });

  it('ends with the last open API', async () => {
    const other = 'https://other.example.test/mcp';
    await postern('mcp', 'add', other, '--scope', 'other:read');
    expect((await postern('mcp', 'list')).json).toMatchObject({
      servers: [{ identifier: server }, { identifier: other }],
    });
    expect((await postern('mcp', 'remove', `${other}/`)).json).toEqual({ identifier: other });
  });
});
