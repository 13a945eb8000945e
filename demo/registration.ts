import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { apiOf } from './service/server.ts';

/** A client as Postern knows it. The secret of a public one is empty. */
interface Client {
  clientId: string;
  clientSecret: string;
}

/** Where each demo listens. */
export interface Ports {
  webApp: number;
  spa: number;
  service: number;
}

export type Clients = Record<keyof Ports, Client>;

export interface RegistrationOptions {
  issuer: string;
  ports: Ports;
  /** Postern's own: what was registered is remembered there. */
  dataDir: string;
  /** The environment that Postern runs with, for its command. */
  env: NodeJS.ProcessEnv;
}

const COMMAND = path.resolve(import.meta.dirname, '../bin/postern.js');

/** Runs `postern <args> --json` beside the running server. */
async function postern(args: string[], env: NodeJS.ProcessEnv): Promise<Record<string, string | null>> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...args, '--json'], { env });
  return JSON.parse(stdout) as Record<string, string | null>;
}

const APP = ['--grant', 'authorization_code', '--grant', 'refresh_token'];

/** What each demo is registered with: the arguments of `postern client create`. */
function registration(name: keyof Ports, port: number): string[] {
  const origin = `http://localhost:${port}`;
  const uris = ['--redirect-uri', `${origin}/callback`, '--post-logout-redirect-uri', `${origin}/`];
  return {
    webApp: ['--name', 'Ledger', ...APP, ...uris],
    spa: ['--name', 'Atlas', '--public', ...APP, ...uris, '--cors-origin', origin],
    service: ['--name', 'Courier', '--grant', 'client_credentials', '--scope', 'reports:read'],
  }[name];
}

async function createClient(args: string[], env: NodeJS.ProcessEnv): Promise<Client> {
  const created = await postern(['client', 'create', ...args], env);
  return { clientId: created['client_id'] ?? '', clientSecret: created['client_secret'] ?? '' };
}

/** Whether the provider still knows a client: with a token that is none it refuses the token, and not the client. */
async function isKnown(issuer: string, { clientId, clientSecret }: Client): Promise<boolean> {
  const reply = await fetch(`${issuer}/oauth2/revoke`, {
    method: 'POST',
    headers: clientSecret
      ? { Authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` }
      : {},
    body: new URLSearchParams({ token: 'none', ...(clientSecret ? {} : { client_id: clientId }) }),
  });
  return reply.ok;
}

async function remembered(file: string): Promise<Partial<Clients>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Partial<Clients>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/**
 * Registers the demos and the API that the service account calls, through the `postern` command. What was registered
 * before and is still there is used again.
 */
export async function register({ issuer, ports, dataDir, env }: RegistrationOptions): Promise<Clients> {
  const file = path.join(dataDir, 'demo.json');
  const known = await remembered(file);
  const register = async (name: keyof Ports): Promise<Client> => {
    const client = known[name];
    if (client && (await isKnown(issuer, client))) return client;
    if (name === 'service') {
      const scopes = ['--scope', 'reports:read', '--scope', 'reports:write'];
      await postern(
        ['api', 'create', '--identifier', apiOf(ports.service), '--name', 'Reports', ...scopes],
        env,
      );
    }
    return createClient(registration(name, ports[name]), env);
  };
  const [webApp, spa, service] = await Promise.all([
    register('webApp'),
    register('spa'),
    register('service'),
  ]);
  const clients = { webApp, spa, service };
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, JSON.stringify(clients, null, 2), { mode: 0o600 });
  return clients;
}

/** Adds the MCP server: agents may then come by themselves. One that was added before stays as it is. */
export async function addMcpServer(url: string, env: NodeJS.ProcessEnv): Promise<void> {
  await postern(
    ['mcp', 'add', url, '--name', 'Scribe', '--scope', 'notes:read', '--scope', 'notes:write'],
    env,
  );
}
