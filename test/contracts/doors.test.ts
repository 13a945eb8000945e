import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { z } from 'zod';
import type { Contract, Operation } from '../../src/http/contracts/contract.ts';
import { problemsOf } from '../../src/http/contracts/door-check.ts';
import { newDoor } from '../../src/cli/new-door/index.ts';
import { builtInContracts, loadContracts } from '../../src/http/contracts/registry.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { type Outcome, type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { contractOf } from './support/server.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLE = path.join(ROOT, 'examples/door');
const OLD_SECRET = 'the old secret of the harbour, of 32 bytes';

const guide = await readFile(path.join(ROOT, 'docs/contracts.md'), 'utf8');
const snippets = [...guide.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, file = '', code = '']) => ({
  file,
  code,
}));

it.each(snippets)('docs/contracts.md quotes $file as it is', async ({ file, code }) => {
  expect(await readFile(path.join(ROOT, file), 'utf8')).toContain(code);
});

it('docs/contracts.md describes every part of a contract', () => {
  expect(snippets.map(({ file }) => path.basename(file))).toEqual([
    'schemas.ts',
    'operations.ts',
    'presenters.ts',
    'conformance.ts',
    'index.ts',
  ]);
});

describe('a contract outside the repository, named in the configuration,', () => {
  const person = { email: 'reader@example.com', pin: 'Quiet harbour 1871' };
  let postern: Postern;
  let harbour: string;
  let written: Awaited<ReturnType<typeof newDoor>>;
  beforeAll(async () => {
    const { url: databaseUrl } = await createDatabase();
    harbour = path.join(await temporaryFolder(), 'harbour');
    const openapi = path.join(import.meta.dirname, 'openapi/harbour.yaml');
    written = await newDoor('harbour', { openapi, out: harbour });
    const settings = {
      contracts: {
        modules: [EXAMPLE, harbour],
        root: ['cookie', 'gateway', 'library'],
        tokens: { ppl: { access: 60, refresh: 60 } },
        harbour: {
          oldTokens: {
            keys: [{ alg: 'HS256', secret: { env: 'OLD_SECRET' } }],
            issuer: 'old-harbour',
            account: { source_id: 'sub' },
            until: '2099-01-01',
          },
        },
      },
    };
    postern = await startPostern({ databaseUrl, settings, env: { OLD_SECRET } });
    const made = await cli('user', 'create', '--email', person.email, '--password', person.pin);
    expect(made.code).toBe(0);
  });

  const cli = (...args: string[]): Promise<Outcome> => runCli(args, { env: postern.env });

  it('passes its own tests', async () => {
    const env = { ...process.env, URL: postern.url, READER: person.email, PIN: person.pin };
    delete (env as Record<string, string | undefined>)['NODE_OPTIONS'];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--test', path.join(EXAMPLE, 'library.test.ts')],
      { env },
    );
    expect(stdout).toMatch(/pass 1\b/);
  });

  it('also answers at the base URL of its document, with its own token lifetimes', async () => {
    const opened = await fetch(`${postern.url}/library/v1/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(person),
    });
    const { card } = (await opened.json()) as { card: string };
    const claims = JSON.parse(Buffer.from(card.split('.')[1]!, 'base64url').toString()) as Record<
      string,
      number
    >;
    expect(claims).toMatchObject({ client_id: 'contract:library', aud: `${postern.url}/contracts/library` });
    expect(claims['exp']! - claims['iat']!).toBe(600);
  });

  it('conforms to its document according to the command', async () => {
    const where = `${postern.url}/contracts/library`;
    const { code, stdout } = await cli('contract', 'verify', 'library', where, '--json');
    expect({ code, verdict: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      verdict: { passed: 6, failed: 0 },
    });
  });

  it('can be generated from an OpenAPI document', async () => {
    expect(written.json).toMatchObject({ undecided: [] });
    const where = `${postern.url}/contracts/harbour`;
    const { code, stdout } = await cli('contract', 'verify', 'harbour', where, '--json');
    expect({ code, verdict: JSON.parse(stdout) }).toMatchObject({ code: 0, verdict: { failed: 0 } });
    const { cases } = JSON.parse(stdout) as { cases: { name: string }[] };
    expect(cases.map(({ name }) => name)).toEqual([
      'makes an account',
      'answers 401 to a wrong password and to nobody',
      'shows who has logged in',
      'ends the login',
      'gives a new access token',
      'answers 401 without a token',
    ]);
    const send = (method: string, to: string, body?: object, headers: Record<string, string> = {}) =>
      fetch(`${where}/v2${to}`, {
        method,
        headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const refused = await send('POST', '/register', {
      email: 'x@harbour.example',
      password: 'short',
      firstName: 'X',
      terms: true,
    });
    expect([refused.status, await refused.json()]).toEqual([
      422,
      { success: false, error: { code: 'weak_password', message: expect.any(String), field: 'password' } },
    ]);
    const entered = await send('POST', '/login', { email: person.email, password: person.pin });
    const { data } = (await entered.json()) as { data: { access_token: string; user: { id: number } } };
    expect(data.user).toMatchObject({ email: person.email, roles: ['user'], active: true, phone: null });
    const bearer = { Authorization: `Bearer ${data.access_token}` };
    const change = { old_password: person.pin, new_password: 'Another harbour 1872' };
    expect((await send('PUT', '/me/password', { ...change, old_password: 'wrong' }, bearer)).status).toBe(
      422,
    );
    expect((await send('GET', '/me', undefined, bearer)).status).toBe(200);
    expect(await (await send('GET', '/health')).json()).toEqual({ status: 'up' });
  });

  it('accepts tokens of the service that it replaces', async () => {
    const file = path.join(await temporaryFolder(), 'accounts.ndjson');
    await writeFile(
      file,
      '{"source_id":"4711","source":"old-harbour","email":"from-before@harbour.example"}\n',
    );
    expect((await cli('import', file, '--source', 'old-harbour')).code).toBe(0);
    const token = (secret: string) =>
      new SignJWT({ iss: 'old-harbour', sub: '4711' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(secret));
    const me = (bearer: string) =>
      fetch(`${postern.url}/contracts/harbour/v2/me`, { headers: { Authorization: `Bearer ${bearer}` } });
    const shown = await me(await token(OLD_SECRET));
    expect([shown.status, await shown.json()]).toEqual([
      200,
      expect.objectContaining({ email: 'from-before@harbour.example' }),
    ]);
    expect((await me(await token(OLD_SECRET.replace('o', 'x')))).status).toBe(401);
  });

  it('has its documentation, and is listed', async () => {
    const page = await fetch(`${postern.url}/contracts/library/library/docs`);
    expect([page.status, await page.text()]).toEqual([
      200,
      expect.stringContaining('/contracts/library/library/v1/openapi.json'),
    ]);
    const { stdout } = await cli('contract', 'list');
    expect(stdout).toContain(
      `library  Library Readers API     ${postern.url}/contracts/library  ${postern.url}`,
    );
  });

  it('can be named in settings only where it is loaded', async () => {
    const { url: databaseUrl } = await createDatabase();
    const oldTokens = {
      keys: [{ alg: 'HS256', secret: { env: 'OLD' } }],
      until: '2099-01-01',
      issuer: 'old',
      account: { source_id: 'sub' },
    };
    const settings = { contracts: { root: ['library'], library: { oldTokens } } };
    await expect(startPostern({ databaseUrl, settings, env: { OLD: 'x'.repeat(32) } })).rejects.toThrow(
      /contracts\.root: there is no door "library"; contracts\.<name>\.oldTokens: there is no door "library"\. The doors are cookie, flask, gateway, keyed, ppl\./,
    );
  });
});

describe('a faulty contract is reported at start:', () => {
  const [first] = contractOf('ppl').operations;
  const door = (changes: object, operation: Partial<Operation> = {}): Contract => ({
    ...contractOf('ppl'),
    operations: [{ ...first!, ...operation }],
    pages: {},
    ...changes,
  });

  it('no fault in the built-in contracts', () => {
    expect(builtInContracts.flatMap(problemsOf)).toEqual([]);
  });

  it.each<[string, Contract, RegExp]>([
    [
      'an unknown version',
      door({ doorVersion: 2 }),
      /is written for version 2 of postern\/door; this Postern has 1/,
    ],
    ['an invalid name', door({ name: 'Über all' }), /^name: must be a short name/],
    ['no operations', door({ operations: [] }), /^operations: /],
    [
      'an operation without a handler',
      door({}, { handle: 7 as never }),
      /^operation register\.handle: must be a function/,
    ],
    ['an invalid path', door({}, { path: 'register' }), /^operation register\.path: must be a path/],
    [
      'something undecided',
      door({}, { undecided: 'say what it does' }),
      /register \(POST .*\) is not decided: say what it does/,
    ],
    [
      'a duplicate operation id',
      door({ operations: [first!, { ...first!, path: '/other' }] }),
      /two operations have the id register/,
    ],
    [
      'a duplicate path',
      door({ operations: [first!, { ...first!, id: 'other' }] }),
      /POST .* is claimed by register and other/,
    ],
    [
      'an operation at the path of its document',
      door({ basePath: '', openapiPath: '/me' }, { method: 'get', path: '/me' }),
      /GET \/me is claimed by register and the page \/me/,
    ],
    [
      'a reply schema that allows unknown fields',
      door({}, { replies: { 201: z.strictObject({ user: z.array(z.object({ id: z.int() })) }) } }),
      /the reply 201 \.user\[\] must be a z\.strictObject/,
    ],
    ['an operation without 400', door({}, { refusals: [409] }), /the refusal 400 is missing/],
    ['an operation without 401', door({}, { auth: 'bearer', refusals: [400] }), /the refusal 401 is missing/],
    [
      'an undeclared refusal',
      door({ refuse: () => ({ oops: true }) }),
      /refuse: its body for \w+ does not match refusalSchema/,
    ],
    [
      'a schema that OpenAPI cannot express',
      door({}, { body: z.object({ when: z.date() }) }),
      /its OpenAPI document cannot be generated/,
    ],
  ])('%s', (_what, wrong, problem) => {
    expect(problemsOf(wrong).join('\n')).toMatch(problem);
  });

  it('a module that is missing, fails to load, or exports no contract', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'empty'));
    await writeFile(path.join(folder, 'none.mjs'), 'export const x = 1;');
    for (const [module, problem] of [
      ['nowhere', /there is no such file/],
      ['empty', /there is no such file, nor a folder with an index/],
    ] as const)
      await expect(loadContracts([path.join(folder, module)])).rejects.toThrow(problem);
    const settings = path.join(folder, 'settings.yaml');
    await writeFile(settings, `contracts: { modules: ['${path.join(folder, 'none.mjs')}'] }`);
    const { code, stderr } = await runCli(['contract', 'list'], { env: { CONFIG_FILE: settings } });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.mjs: exports no door/)]);
  });
});

describe('`postern contract new`', () => {
  const document = (paths: object, more: object = {}) =>
    JSON.stringify({ openapi: '3.1.0', info: {}, paths, ...more });
  const reply = (schema: object) => ({ 200: { content: { 'application/json': { schema } } } });
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  const write = async (text: string | Buffer) => {
    await writeFile(path.join(folder, 'old'), text);
    return newDoor('old', { openapi: path.join(folder, 'old'), out: path.join(folder, 'door') });
  };

  it.each<[string, string | Buffer, RegExp]>([
    ['is broken JSON', '{"openapi": "3.0.0", ', /cannot be parsed: /],
    ['is broken YAML', 'openapi: 3.0.0\npaths: [', /cannot be parsed: /],
    ['is not text', Buffer.from([0xff, 0xfe, 0x00, 0xd8]), /cannot be parsed: /],
    ['is a list', '[]', /is not an OpenAPI document/],
    ['opens 100,000 brackets', '['.repeat(100_000), /cannot be parsed: /],
    ['names no OpenAPI version', 'a: 1', /is not OpenAPI 3/],
    ['is Swagger 1.2', 'swagger: "1.2"', /Swagger version other than 2\.0/],
    ['has no operations', document({}), /has no operations/],
    ['is too large', ' '.repeat(4_200_000), /is larger than 4 MiB/],
    [
      'is circular',
      document(
        { '/tree': { get: { responses: reply({ $ref: '#/components/schemas/Tree' }) } } },
        {
          components: { schemas: { Tree: { properties: { child: { $ref: '#/components/schemas/Tree' } } } } },
        },
      ),
      /#\/components\/schemas\/Tree is circular/,
    ],
    ['is circular by anchors', 'openapi: 3.0.0\npaths: &a\n  /x: *a\n', /nested too deep|cannot be parsed/],
    [
      'points to a file',
      document({ '/x': { get: { responses: reply({ $ref: 'file:///etc/passwd' }) } } }),
      /file:\/\/\/etc\/passwd is outside the file/,
    ],
    [
      'points to a server',
      document({ '/x': { $ref: 'https://elsewhere.example/x.yaml' } }),
      /is outside the file/,
    ],
    ['points to something missing', document({ '/x': { $ref: '#/components/nothing' } }), /does not exist/],
    [
      'expands a thousandfold',
      `openapi: 3.0.0\npaths: {}\ncomponents:\n${Array.from({ length: 12 }, (_, n) => `  a${n}: { x: { $ref: '#/components/a${n + 1}' }, y: { $ref: '#/components/a${n + 1}' }, z: { $ref: '#/components/a${n + 1}' } }`).join('\n')}\n  a12: {}`,
      /nested too deep, or too large/,
    ],
    ['has a path that no contract can have', document({ '/x y': { get: {} } }), /cannot have the path \/x y/],
  ])('refuses a document that %s, and writes nothing', async (_what, text, problem) => {
    await expect(write(text)).rejects.toThrow(problem);
    await expect(readFile(path.join(folder, 'door/index.ts'))).rejects.toThrow('ENOENT');
  });

  it('leaves unknowns to be decided, and quotes any text of the document safely', async () => {
    const evil = "*/ '; process.exit(7); // ${process.exit(7)} `\n\u2028";
    const object = (properties: object) => ({
      type: 'object',
      required: Object.keys(properties),
      properties,
    });
    const text = document(
      {
        '/login': {
          post: {
            operationId: 'delete',
            summary: evil,
            requestBody: {
              content: {
                'application/json': {
                  schema: object({ email: { type: 'string', description: evil }, password: {} }),
                },
              },
            },
            responses: reply(
              object({
                [evil]: { type: 'string', enum: [evil] },
                token: { type: 'string' },
                plan: { type: 'string' },
              }),
            ),
          },
        },
        '/reports': { get: { responses: { 200: {} } } },
      },
      { info: { title: evil, version: evil, description: evil } },
    );
    const { json } = await write(text);
    expect(json).toMatchObject({
      operations: [
        { id: 'delete', kind: 'login', undecided: expect.stringContaining('plan') },
        { id: 'getReports', kind: null, undecided: expect.stringContaining('in handle') },
      ],
    });
    const settings = path.join(folder, 'settings.yaml');
    await writeFile(settings, JSON.stringify({ contracts: { modules: [path.join(folder, 'door')] } }));
    const { code, stderr } = await runCli(['contract', 'list'], { env: { CONFIG_FILE: settings } });
    expect(code).toBe(1);
    expect(stderr).toContain('getReports (GET /reports) is not decided');
    await expect(write(text)).rejects.toThrow('is not empty');
  });

  it.each(['Old', 'gateway', '../x'])('refuses the name %s', async (name) => {
    await expect(newDoor(name, { openapi: 'nothing' })).rejects.toThrow(/door/);
  });
});
