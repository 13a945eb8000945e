import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, provided, temporaryFolder } from '../../support/cleanup.ts';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

/** The user `nobody`: Apache serves nothing as root and needs no permissions. */
const NOBODY_UID = 65_534;

const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'proxy', 'proxy_http'];

/** The headers that the application behind Apache got about the visitor. */
export type VisitorHeaders = Record<string, string>;

interface Options {
  issuer: string;
  port: number;
  client: { id: string; secret: string };
}

/** A page of an application without OpenID Connect. It shows the headers from Apache. */
async function startApplication(): Promise<number> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(request.headers));
  });
  const port = await freePort();
  await listenUntilEnd(server, port, '127.0.0.1');
  return port;
}

const configuration = (
  { issuer, port, client }: Options,
  folder: string,
  application: number,
  openidc: string,
): string => {
  const origin = `http://localhost:${port}`;
  const modules = path.dirname(openidc);
  return [
    `ServerRoot "${folder}"`,
    `DefaultRuntimeDir "${folder}"`,
    `PidFile "${folder}/apache.pid"`,
    `ErrorLog "${folder}/error.log"`,
    `Mutex file:${folder} default`,
    `Listen 127.0.0.1:${port}`,
    `ServerName localhost:${port}`,
    ...MODULES.map((name) => `LoadModule ${name}_module "${modules}/mod_${name}.so"`),
    `LoadModule auth_openidc_module "${openidc}"`,
    'StartServers 1',
    'ServerLimit 1',
    'ThreadsPerChild 16',
    'MaxRequestWorkers 16',
    `OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration`,
    `OIDCClientID ${client.id}`,
    `OIDCClientSecret ${client.secret}`,
    `OIDCCryptoPassphrase ${randomBytes(16).toString('hex')}`,
    `OIDCRedirectURI ${origin}/private/callback`,
    `OIDCDefaultURL ${origin}/private/`,
    'OIDCResponseType code',
    'OIDCPKCEMethod S256',
    'OIDCScope "openid profile email"',
    'OIDCRemoteUserClaim preferred_username',
    'OIDCAuthNHeader X-Remote-User',
    'OIDCPassRefreshToken On',
    '<Location "/private/">',
    '  AuthType openid-connect',
    '  Require valid-user',
    `  ProxyPass "http://127.0.0.1:${application}/"`,
    '</Location>',
    '',
  ].join('\n');
};

/**
 * Starts Apache with mod_auth_openidc as a relying party: `/private/` requires a sign-in, and the
 * application behind it
 * gets headers about the visitor. Stopped after the test file.
 * @returns its origin. @throws with its log if it exits at once.
 */
export async function startApache(options: Options): Promise<string> {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'apache.conf');
  const openidc = await provided('mod_auth_openidc');
  await writeFile(file, configuration(options, folder, await startApplication(), openidc));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(folder, NOBODY_UID, NOBODY_UID);
  const child = spawn(await provided('apache2'), ['-f', file, '-D', 'FOREGROUND'], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'inherit'],
    ...(isRoot ? { uid: NOBODY_UID, gid: NOBODY_UID } : {}),
  });
  const ended = once(child, 'close');
  atEnd(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const origin = `http://localhost:${options.port}`;
  const answers = () =>
    fetch(origin).then(
      () => true,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null)
      throw new Error(`Apache ended: ${await readFile(path.join(folder, 'error.log'), 'utf8')}`);
    await sleep(25);
  }
  return origin;
}
