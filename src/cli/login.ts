import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as openid from 'openid-client';
import { StartupError } from '../core/errors.ts';
import type { ClientAdmin } from '../domain/clients.ts';
import { shellOperator } from '../domain/operators/operator.ts';
import type { ClientRecord } from '../storage/clients.ts';
import { UsageError } from './failure.ts';
import { operator } from './operator.ts';
import { facts, type Report } from './report.ts';
import { withCore } from './session.ts';

const OPENERS: Partial<Record<NodeJS.Platform, [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Opens `url` in the user's browser where possible. The URL is printed in any case. */
export function openBrowser(url: string): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

const NAME = 'postern CLI';

/** The loopback address with any port (RFC 8252 section 7.3). */
export const REDIRECT_URI = 'http://127.0.0.1/callback';

const GRANTS = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];

const isOurs = ({ name, secretHash, metadata }: ClientRecord): boolean =>
  name === NAME &&
  secretHash === null &&
  Array.isArray(metadata['redirect_uris']) &&
  metadata['redirect_uris'].includes(REDIRECT_URI);

async function find(clients: ClientAdmin): Promise<ClientRecord | undefined> {
  const options = { filters: { search: NAME }, limit: 1000 };
  let page = await clients.list(shellOperator(operator()), options);
  for (;;) {
    const known = page.items.find(isOurs);
    if (known || page.nextCursor === null) return known;
    page = await clients.list(shellOperator(operator()), { ...options, cursor: page.nextCursor });
  }
}

/** The id of the public client of `postern login`, created when missing. */
export async function ownClient(clients: ClientAdmin): Promise<string> {
  const known = await find(clients);
  if (known !== undefined) {
    // Update a client that was created before `--device` existed.
    const grants = (known.metadata['grant_types'] ?? []) as unknown[];
    const changes = { metadata: { grant_types: GRANTS } };
    if (GRANTS.some((grant) => !grants.includes(grant)))
      await clients.update(shellOperator(operator()), known.id, changes);
    return known.id;
  }
  const metadata = {
    application_type: 'native',
    grant_types: GRANTS,
    response_types: ['code'],
    redirect_uris: [REDIRECT_URI],
  };
  const { client } = await clients.create(shellOperator(operator()), {
    name: NAME,
    isPublic: true,
    metadata,
  });
  return client.id;
}

type Tokens = openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers;

/**
 * Signs in with a browser on any device (RFC 8628): shows the address and the code, and waits.
 * @param parameters `scope`, and `resource` if there is one.
 * @throws ResponseBodyError when the provider or the person refuses, or the code expires.
 */
export async function loginByDevice(
  configuration: openid.Configuration,
  parameters: Record<string, string>,
): Promise<Tokens> {
  const begun = await openid.initiateDeviceAuthorization(configuration, parameters);
  // Not on standard output, which is for the tokens.
  console.error(`Open on any device:\n\n  ${begun.verification_uri}\n\nand enter:\n\n  ${begun.user_code}\n`);
  const { scope: _scope, ...rest } = parameters;
  return openid.pollDeviceAuthorizationGrant(configuration, begun, rest);
}

/** Waits on the loopback interface for the browser's return (RFC 8252 section 7.3). */
export interface Redirect {
  /** The redirect URI. */
  uri: string;
  /** The URL that the browser returned with. @throws StartupError when it does not return within `seconds`. */
  arrival(seconds: number): Promise<URL>;
  close(): void;
}

const PAGE = (title: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${title}</title>
<body style="font: 1.1rem system-ui; display: grid; place-content: center; height: 90vh; text-align: center">
<h1>${title}</h1><p>You can close this window and go back to the terminal.</p></body></html>
`;

export async function listenForRedirect(pathname: string): Promise<Redirect> {
  const arrived = Promise.withResolvers<URL>();
  const server = createServer((req, res) => {
    const url = URL.parse(req.url ?? '', uri);
    if (req.method !== 'GET' || url?.pathname !== pathname) {
      res.writeHead(404, { Connection: 'close' }).end();
      return;
    }
    const failed = url.searchParams.has('error');
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Connection': 'close' });
    res.end(PAGE(failed ? 'Not signed in' : 'Signed in'), () => arrived.resolve(url));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`;
  return {
    uri,
    async arrival(seconds) {
      const timer = new AbortController();
      const late = sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => {
        throw new StartupError(`No sign-in within ${seconds / 60} minutes.`);
      });
      try {
        return await Promise.race([arrived.promise, late]);
      } finally {
        late.catch(() => undefined);
        timer.abort();
      }
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * `postern login`: authorization code and PKCE in the user's browser, ending on a loopback address (RFC 8252); without
 * a browser here, a code for one on another device (RFC 8628).
 */

export interface LoginOptions {
  clientId?: string;
  issuer?: string;
  scope: string;
  resource?: string;
  /** False with --no-browser. */
  browser: boolean;
  device?: boolean;
}

/** Seconds for the user to sign in. */
const TIMEOUT = 600;

/** The provider, and the client to sign in with. */
async function party({ clientId, issuer }: LoginOptions): Promise<{ issuer: string; clientId: string }> {
  if (clientId !== undefined && issuer !== undefined) return { issuer, clientId };
  if (issuer !== undefined)
    throw new UsageError('--issuer needs --client-id: a public client of that provider.');
  return withCore(async ({ clients }, { publicUrl }) => ({
    issuer: publicUrl,
    clientId: clientId ?? (await ownClient(clients)),
  }));
}

async function discover(issuer: string, clientId: string): Promise<openid.Configuration> {
  const url = new URL(issuer);
  const execute = url.protocol === 'http:' ? [openid.allowInsecureRequests] : [];
  try {
    return await openid.discovery(url, clientId, undefined, openid.None(), { execute });
  } catch (error) {
    throw new StartupError(
      `No OpenID Provider answers at ${issuer} (${(error as Error).message}). Is the server running?`,
      { cause: error },
    );
  }
}

function refused(error: unknown): never {
  if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
    throw new StartupError(`The provider refused: ${error.error_description ?? error.error}`, {
      cause: error,
    });
  }
  throw error;
}

/** Signs the user in and returns the tokens. @throws StartupError when the provider refuses or nobody signs in. */
export async function login(options: LoginOptions): Promise<Report> {
  const { issuer, clientId } = await party(options);
  const configuration = await discover(issuer, clientId);
  const resource = options.resource === undefined ? {} : { resource: options.resource };
  if (options.device) {
    const asked = { scope: options.scope, ...resource };
    const tokens = await loginByDevice(configuration, asked).catch(refused);
    return report(clientId, tokens, tokens.claims());
  }
  const redirect = await listenForRedirect(new URL(REDIRECT_URI).pathname);
  try {
    const codeVerifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: redirect.uri,
      scope: options.scope,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      ...resource,
    }).href;
    // Not on standard output, which is for the tokens.
    console.error(`Sign in with your browser at:\n\n  ${url}\n`);
    if (options.browser) openBrowser(url);
    const arrival = await redirect.arrival(TIMEOUT);
    const checks = { pkceCodeVerifier: codeVerifier, expectedState: state };
    const tokens = await openid
      .authorizationCodeGrant(configuration, arrival, checks, resource)
      .catch(refused);
    return report(clientId, tokens, tokens.claims());
  } finally {
    redirect.close();
  }
}

function report(
  clientId: string,
  tokens: openid.TokenEndpointResponse,
  claims: openid.IDToken | undefined,
): Report {
  const { access_token, refresh_token, id_token, token_type, expires_in, scope } = tokens;
  const lines: [string, string | undefined][] = [
    ['access_token', access_token],
    ['refresh_token', refresh_token],
    ['id_token', id_token],
    ['expires_in', expires_in === undefined ? undefined : `${expires_in} s`],
    ['scope', scope],
    ['claims', claims && JSON.stringify(claims)],
  ];
  return {
    json: {
      client_id: clientId,
      access_token,
      refresh_token: refresh_token ?? null,
      id_token: id_token ?? null,
      token_type,
      expires_in: expires_in ?? null,
      scope: scope ?? null,
      claims: claims ?? null,
    },
    text: facts(lines.filter((pair): pair is [string, string] => pair[1] !== undefined)),
  };
}
