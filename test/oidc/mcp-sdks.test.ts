import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
} from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { exportJWK, exportPKCS8, generateKeyPair, SignJWT } from 'jose';
import { python, startExample } from '../connecting/support/example.ts';
import { atEnd } from '../support/cleanup.ts';
import { listenUntilEnd } from '../support/listen.ts';
import { freePort } from '../support/ports.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { answer } from './support/flow.ts';
import { epoch } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';
import { startRequestRecorder } from './support/request-recorder.ts';

const TLS = path.resolve(import.meta.dirname, 'support/certificates');
const SCRIPT = path.resolve(import.meta.dirname, 'support/mcp_client.py');
const COMPANY = 'https://company.example.test';
const SCOPE = 'tools:read';

interface Said {
  open?: string;
  audience?: string;
  resource?: string;
  whoami?: { subject: string; client: string; scopes: string[] };
  client?: string;
}

let provider: Provider;
let person: Person;
let server: string;
let documentUrl: string;
let interpreter: string;
/** Keys of a client, and of another company. */
let key: Awaited<ReturnType<typeof generateKeyPair>>;
let service: Client;
let keyed: Client;
let asserting: Client;

beforeAll(async () => {
  key = await generateKeyPair('ES256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'a', alg: 'ES256' }] };
  const keys = await startRequestRecorder((_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(jwks));
  });
  const [documents, port] = [await freePort(), await freePort()];
  documentUrl = `https://localhost:${documents}/agent.json`;
  const tls = {
    key: readFileSync(path.join(TLS, 'server.key')),
    cert: readFileSync(path.join(TLS, 'server.pem')),
  };
  const served = createServer(tls, (_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(
      JSON.stringify({
        client_id: documentUrl,
        client_name: 'A Python agent',
        redirect_uris: ['http://localhost:3030/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
      }),
    );
  });
  await listenUntilEnd(served, documents);
  provider = await startProvider({
    stores: 'PostgreSQL',
    env: { NODE_EXTRA_CA_CERTS: path.join(TLS, 'ca.pem') },
    settings: {
      outbound: { allow: ['localhost', '127.0.0.1'] },
      identityAssertions: {
        issuers: [{ issuer: COMPANY, jwksUri: keys.url(), link: 'email', domains: ['example.test'] }],
      },
    },
  });
  person = await provider.createPerson();
  server = `http://localhost:${port}/mcp`;
  const scopes = ['--scope', SCOPE, '--scope', 'tools:write'];
  await runCli(['mcp', 'add', server, '--name', 'Notes', ...scopes, '--json'], { env: provider.postern.env });
  const own = { grant_types: ['client_credentials'], scope: SCOPE };
  [service, keyed, asserting] = await Promise.all([
    provider.createClient(own),
    provider.createClient({ ...own, token_endpoint_auth_method: 'private_key_jwt', jwks }),
    provider.createClient({
      grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: [],
      redirect_uris: [],
      identity_assertion_issuers: [COMPANY],
    }),
  ]);
  const metadata = `${provider.url}/.well-known/oauth-authorization-server`;
  await until(async () =>
    (await (await fetch(metadata)).text()).includes('client_id_metadata_document_supported'),
  );
  [interpreter] = await Promise.all([
    python(),
    startExample({ name: 'mcp-server', port, issuer: provider.url, audience: server }),
  ]);
});

/** Acts as the person in the browser that a client opens. @returns the redirect back to the client. */
async function visit(url: string): Promise<string> {
  const agent = new UserAgent(provider.url);
  const { leftFor } = await answer(agent, await agent.open(url), person);
  return String(leftFor);
}

const assertionFor = ({ audience = '', resource = '' }: Said) =>
  new SignJWT({ client_id: asserting.id, resource, scope: SCOPE, email: person.email, email_verified: true })
    .setProtectedHeader({ alg: 'ES256', kid: 'a', typ: 'oauth-id-jag+jwt' })
    .setIssuer(COMPANY)
    .setSubject('ada')
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(epoch() + 60)
    .sign(key.privateKey);

/** Runs the client of the Python SDK. @returns its last output. @throws with its output if it fails. */
async function run(kind: string, more: Record<string, string> = {}): Promise<Said> {
  const env = { PATH: process.env['PATH'] ?? '', SERVER: server, ISSUER: provider.url, KIND: kind, ...more };
  const child: ChildProcessWithoutNullStreams = spawn(interpreter, [SCRIPT], { env });
  atEnd(async () => void child.kill('SIGKILL'));
  let failure = '';
  child.stderr.on('data', (chunk: Buffer) => (failure += chunk.toString()));
  let last: Said = {};
  for await (const line of createInterface(child.stdout)) {
    last = JSON.parse(line) as Said;
    if (last.open !== undefined) child.stdin.write(`${await visit(last.open)}\n`);
    if (last.audience !== undefined) child.stdin.write(`${await assertionFor(last)}\n`);
  }
  if (last.whoami === undefined) throw new Error(failure);
  return last;
}

describe('the official Python SDK', () => {
  it('registers itself, and uses its document if it has one', async () => {
    const registered = await run('register');
    expect(registered.whoami).toEqual({ subject: person.id, client: registered.client, scopes: [SCOPE] });
    const { whoami } = await run('register', { CLIENT_METADATA_URL: documentUrl });
    expect(whoami).toEqual({ subject: person.id, client: documentUrl, scopes: [SCOPE] });
  });

  it('acts for itself, with a secret and with a key', async () => {
    const secret = { CLIENT_ID: service.id, CLIENT_SECRET: service.secret };
    expect((await run('client_credentials', secret)).whoami).toMatchObject({ subject: service.id });
    const signing = { CLIENT_ID: keyed.id, PRIVATE_KEY: await exportPKCS8(key.privateKey) };
    expect((await run('private_key_jwt', signing)).whoami).toMatchObject({ subject: keyed.id });
  });

  it('acts for a person by an identity assertion', async () => {
    const secret = { CLIENT_ID: asserting.id, CLIENT_SECRET: asserting.secret };
    const { whoami } = await run('identity_assertion', secret);
    expect(whoami).toEqual({ subject: person.id, client: asserting.id, scopes: [SCOPE] });
  });
});

describe('the official TypeScript SDK', () => {
  it('acts for itself, with a secret and with a key', async () => {
    for (const authProvider of [
      new ClientCredentialsProvider({
        clientId: service.id,
        clientSecret: service.secret,
        scope: SCOPE,
        expectedIssuer: provider.url,
      }),
      new PrivateKeyJwtProvider({
        clientId: keyed.id,
        privateKey: await exportPKCS8(key.privateKey),
        algorithm: 'ES256',
        scope: SCOPE,
        expectedIssuer: provider.url,
      }),
    ]) {
      const client = new McpClient({ name: 'a-service', version: '1.0.0' });
      await client.connect(new StreamableHTTPClientTransport(new URL(server), { authProvider }));
      const { content } = (await client.callTool({ name: 'whoami' })) as { content: { text: string }[] };
      const id = authProvider.clientInformation()?.client_id;
      expect(JSON.parse(content[0]?.text ?? '')).toEqual({ subject: id, client: id, scopes: [SCOPE] });
      await client.close();
    }
  });
});
