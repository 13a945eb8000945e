import net from 'node:net';
import { expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { connect } from '../api/support/client.ts';
import { allContracts, startContractServer } from '../contracts/support/server.ts';
import { discoverEndpoints } from '../oidc/support/endpoints.ts';
import { expectNoFailure } from '../support/failures.ts';

/** Whatever contains this is a secret. The text after it names where it was sent. */
const SECRET = 'verysecret';
const CLIENT_BASIC = Buffer.from(`client:${SECRET}-basic`).toString('base64');

/** Where a request goes, and the credentials it may send so that its body is read. */
interface Target {
  method: string;
  path: string;
  credentials?: string[];
  /**
   * Endpoints with the same code in front of them: each gets a third of the broken requests, and together
   * they get all.
   */
  isOneOfMany?: boolean;
}

const headers = ({ credentials = [] }: Target, basic: boolean) => [
  ...(credentials.length > 0
    ? credentials
    : [
        `Authorization: ${basic ? `Basic ${CLIENT_BASIC}` : `Bearer ${SECRET}-bearer`}`,
        `X-Api-Key: ${SECRET}-key`,
      ]),
  `Cookie: _session=${SECRET}-cookie; _interaction=${SECRET}-cookie`,
  `DPoP: ${SECRET}-dpop`,
  `User-Agent: ${SECRET}-agent`,
  `X-Request-Id: ${SECRET}-id`,
  `X-Forwarded-For: ${SECRET}-forwarded`,
  `Referer: http://localhost/?code=${SECRET}-referer`,
];

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const form = `grant_type=password&username=ada&password=${SECRET}-form&client_id=x&client_secret=${SECRET}-form`;
const json = JSON.stringify({
  email: 'ada@example.test',
  password: `${SECRET}-json`,
  token: `${SECRET}-json`,
});

const sized = (type: string, body: string | Buffer, length = Buffer.byteLength(body)) => ({
  lines: [`Content-Type: ${type}`, `Content-Length: ${length}`],
  body,
});
const chunked = (type: string, body: string) => ({
  lines: [`Content-Type: ${type}`, 'Transfer-Encoding: chunked'],
  body,
});
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** What is broken in a request: header lines and body. */
const BROKEN: Record<string, { lines: string[]; body: string | Buffer }> = {
  'a chunk without a size': chunked(FORM, `${form}\r\n0\r\n\r\n`),
  'a second chunk without one': chunked(JSON_TYPE, `${chunk(json)}${json}\r\n`),
  'a form cut off': sized(FORM, form, 5_000),
  'JSON cut off': sized(JSON_TYPE, json, 5_000),
  'chunks cut off': chunked(FORM, chunk(form)),
  'JSON that is none': sized(JSON_TYPE, `{"password":"${SECRET}-bad", ${SECRET}-bad}`),
  'a string for JSON': sized(JSON_TYPE, `"${SECRET}-string"`),
  'JSON that is not UTF-8': sized(JSON_TYPE, Buffer.from(`{"password":"${SECRET}-\xff"}`, 'latin1')),
  'JSON of other types': sized(
    JSON_TYPE,
    JSON.stringify({ email: [SECRET], password: { [SECRET]: SECRET } }),
  ),
  'a NUL': sized(
    JSON_TYPE,
    JSON.stringify({ email: `${SECRET}\0`, username: `${SECRET}\0`, password: SECRET }),
  ),
  'JSON that is a form': sized(JSON_TYPE, form),
  'a form that is JSON': sized(FORM, json),
  'a form with broken encoding': sized(FORM, `password=%E0%A4%A&secret=%${SECRET}&x=%00${SECRET}`),
  'too much': sized(FORM, `password=${SECRET}-much&x=${'x'.repeat(70_000)}`),
  'too much, it says': sized(JSON_TYPE, json, 70_000_000),
  'too many chunks': chunked(JSON_TYPE, chunk(`{"password":"${SECRET}-${'x'.repeat(70_000)}"}`)),
  'parts': sized(
    'multipart/form-data; boundary=b',
    `--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n${SECRET}-part\r\n--b--\r\n`,
  ),
  'parts without an end': sized(
    `multipart/form-data; boundary=${SECRET}`,
    `--${SECRET}\r\nContent-Disposition: form-data; name="password\r\n\r\n${SECRET}-part`,
  ),
  'a type that is none': sized(`${SECRET}/;;charset=${SECRET}`, form),
  'a charset that there is not': sized(`${FORM}; charset=${SECRET}`, form),
  'a coding that there is not': {
    lines: [`Content-Encoding: ${SECRET}`, ...sized(FORM, form).lines],
    body: form,
  },
  'two lengths': { lines: [`Content-Type: ${FORM}`, 'Content-Length: 5', 'Content-Length: 6'], body: form },
  'a length and chunks': { lines: ['Content-Length: 5', 'Transfer-Encoding: chunked'], body: form },
  'a line that is no header': { lines: [`${SECRET}-line`, ...sized(FORM, form).lines], body: form },
  'a header with a NUL': { lines: [`X-Secret: ${SECRET}\0`, ...sized(FORM, form).lines], body: form },
  'headers without an end': { lines: [`X-Long: ${SECRET}-${'x'.repeat(40_000)}`], body: '' },
};

/** What is broken in the request line. */
const TARGETS: Record<string, (target: Target) => string> = {
  'a secret in the query': ({ method, path }) =>
    `${method} ${path}?token=${SECRET}-query&code=${SECRET}-query`,
  'broken encoding in the query': ({ method, path }) => `${method} ${path}?state=%E0%A4%A&token=%${SECRET}`,
  'a fragment': ({ method, path }) => `${method} ${path}#access_token=${SECRET}-fragment`,
  'a query that was encoded': ({ method, path }) => `${method} ${path}%3Ftoken=${SECRET}-encoded`,
  'a name and a password': ({ method, path }) => `${method} http://ada:${SECRET}@localhost${path}`,
  'a method that there is not': ({ path }) => `${SECRET} ${path}`,
  'a version that there is not': ({ method, path }) => `${method} ${path} HTTP/${SECRET}`,
};

/** Paths that no document and no discovery names. */
const OTHERS = `/sign-in /register /forgot-password /reset-password /verify-email /second-factor /passkey /sign-out
  /device /interaction/x /interaction/x/sign-in /interaction/x/consent /account /account/password /account/data
  /dev/mail /oauth2/upstream/x/callback /livez /metrics /assets/x.css /contracts/none /nowhere`;

/** Sends bytes, then closes its side or aborts the connection. @returns the reply. */
function send(port: number, bytes: (string | Buffer)[], breaks: boolean): Promise<string> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (data) => (reply += data.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(reply));
    for (const part of bytes) socket.write(part);
    if (breaks) socket.write('', () => socket.resetAndDestroy());
    else socket.end();
  });
}

/** The forms of a secret in a log line: plain, as bytes, in base64 or in hex. */
function readings(line: string): string[] {
  const bytes = [...line.matchAll(/\[(\d{1,3}(?:,\d{1,3})+)\]/g)].map(([, list = '']) =>
    Buffer.from(list.split(',').map(Number)).toString('latin1'),
  );
  const words = line.match(/[\w+/=-]{16,}/g) ?? [];
  return [line, decodeURIComponent(line.replace(/%(?![0-9a-f]{2})/gi, '')), ...bytes].concat(
    words.flatMap((word) => [
      Buffer.from(word, 'base64').toString('latin1'),
      Buffer.from(word, 'hex').toString('latin1'),
    ]),
  );
}

it('no broken request puts a secret into the log, at any endpoint', async () => {
  const server = await startContractServer({
    settings: { log: { level: 'trace' }, clientRegistration: { open: true } },
  });
  const { port } = server.postern;
  const client = await server.createClient();
  const { tokens } = await connect(server, await server.createPerson(), 'me:profile:write me:security:write');
  const api = (await (await fetch(`${server.url}/api/v2/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  const { token: scimToken } = await server.operator.scimTokens.create(shellOperator(systemActor), {});
  const documented = (method: string, path: string, ...credentials: string[]): Target => ({
    method: method.toUpperCase(),
    path: path.replace(/\{\w+\}/g, '1'),
    credentials,
    isOneOfMany: true,
  });
  const targets: Target[] = [
    ...(await discoverEndpoints(server.url, client)).map(({ method, url }) => ({
      method,
      path: new URL(url).pathname,
    })),
    ...allContracts.flatMap(({ name, basePath, operations }) =>
      operations.map(({ method, path, auth }) =>
        documented(
          method,
          `/contracts/${name}${basePath}${path}`,
          ...(auth === 'apiKey' ? [`X-Api-Key: ${server.apiKey}`] : []),
        ),
      ),
    ),
    ...Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) =>
        documented(method, path, `Authorization: Bearer ${tokens.access_token}`),
      ),
    ),
    ...[
      'GET Users',
      'POST Users',
      'PUT Users/1',
      'PATCH Users/1',
      'PATCH Groups/1',
      'POST Bulk',
      'POST .search',
    ].map((endpoint) => {
      const [method = '', path = ''] = endpoint.split(' ');
      return documented(method, `/scim/v2/${path}`, `Authorization: Bearer ${scimToken}`);
    }),
    ...OTHERS.split(/\s+/).flatMap((path) => ['GET', 'POST'].map((method) => ({ method, path }))),
    { method: 'PUT', path: `/oauth2/register/${client.id}` },
  ];
  const head = (line: string, lines: string[]) =>
    [
      `${line}${line.includes(' HTTP/') ? '' : ' HTTP/1.1'}`,
      `Host: localhost:${port}`,
      'Connection: close',
      ...lines,
      '',
      '',
    ].join('\r\n');
  const kinds = [
    ...Object.entries(BROKEN).map(([what, { lines, body }]) => ({
      what,
      bytes: (target: Target, basic: boolean) => [
        head(`${target.method} ${target.path}`, [...headers(target, basic), ...lines]),
        body,
      ],
    })),
    ...Object.entries(TARGETS).map(([what, line]) => ({
      what,
      bytes: (target: Target, basic: boolean) => [head(line(target), headers(target, basic))],
    })),
  ];
  const requests = targets.flatMap((target, index) =>
    kinds
      .filter((_kind, other) => !target.isOneOfMany || (index + other) % 3 === 0)
      .map(({ what, bytes }, other) => ({ what, bytes: bytes(target, (index + other) % 2 === 0) })),
  );
  // TLS sent to a plain port; twice, so that at least one of them is not aborted.
  const tls = { what: 'TLS', bytes: [Buffer.from(`\x16\x03\x01\x02\x00${SECRET}-hello`, 'latin1')] };
  requests.push(tls, tls);

  const answered = new Map<string, number>();
  const next = requests.entries();
  const work = async () => {
    for (const [index, { what, bytes }] of next) {
      const reply = await send(port, bytes, index % 7 === 0);
      if (/^HTTP\/1\.1 [1-4]/.test(reply)) answered.set(what, (answered.get(what) ?? 0) + 1);
      else if (reply !== '') throw new Error(`${what}: ${reply.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: 24 }, work));

  // Each kind was answered, so it was received, and the log has lines, so it was captured.
  expect([...answered.keys()].sort()).toEqual([...new Set(requests.map(({ what }) => what))].sort());
  const lines = server.postern.output().split('\n');
  expect(lines.filter((line) => line.includes('"msg":"request"')).length).toBeGreaterThan(500);
  const secrets = [SECRET, server.apiKey, tokens.access_token];
  const leaking = lines.filter((line) =>
    readings(line).some((text) => secrets.some((secret) => text.includes(secret))),
  );
  expect([...new Set(leaking.map((line) => line.slice(0, 600)))].slice(0, 10)).toEqual([]);
  expectNoFailure(server.postern);
});
