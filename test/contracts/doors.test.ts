import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Contract, Operation } from '../../src/http/contracts/contract.ts';
import { problemsOf } from '../../src/http/contracts/door-check.ts';
import { builtInContracts, loadContracts } from '../../src/http/contracts/registry.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { type Outcome, type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { contractOf } from './support/server.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLE = path.join(ROOT, 'examples/door');

const guide = await readFile(path.join(ROOT, 'docs/contracts.md'), 'utf8');
const snippets = [...guide.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, file = '', code = '']) => ({
  file,
  code,
}));

it.each(snippets)('docs/contracts.md has from $file what is there', async ({ file, code }) => {
  expect(await readFile(path.join(ROOT, file), 'utf8')).toContain(code);
});

it('docs/contracts.md shows every part', () => {
  expect(snippets.map(({ file }) => path.basename(file))).toEqual([
    'schemas.ts',
    'operations.ts',
    'presenters.ts',
    'conformance.ts',
    'index.ts',
  ]);
});

describe('a door of elsewhere, named in the configuration,', () => {
  const person = { email: 'reader@example.com', pin: 'Quiet harbour 1871' };
  let postern: Postern;
  beforeAll(async () => {
    const { url: databaseUrl } = await createDatabase();
    const settings = {
      contracts: {
        modules: [EXAMPLE],
        root: ['cookie', 'gateway', 'library'],
        tokens: { ppl: { access: 60, refresh: 60 } },
      },
    };
    postern = await startPostern({ databaseUrl, settings });
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

  it('answers at the base URL of its document too, with tokens that live as long as it says', async () => {
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

  it('keeps to its document, as the command says', async () => {
    const where = `${postern.url}/contracts/library`;
    const { code, stdout } = await cli('contract', 'verify', 'library', where, '--json');
    expect({ code, verdict: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      verdict: { passed: 6, failed: 0 },
    });
  });

  it('has its documentation, and its place in the list', async () => {
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

  it('is a name that settings may say, and only where it is', async () => {
    const { url: databaseUrl } = await createDatabase();
    const settings = { contracts: { root: ['library'] } };
    await expect(startPostern({ databaseUrl, settings })).rejects.toThrow(
      /contracts\.root: there is no door "library"\. The doors that there are: cookie, flask, gateway, keyed, ppl\./,
    );
  });
});

describe('what is wrong with a door is said at start:', () => {
  const [first] = contractOf('ppl').operations;
  const door = (changes: object, operation: Partial<Operation> = {}): Contract => ({
    ...contractOf('ppl'),
    operations: [{ ...first!, ...operation }],
    pages: {},
    ...changes,
  });

  it('nothing, with those that come with Postern', () => {
    expect(builtInContracts.flatMap(problemsOf)).toEqual([]);
  });

  it.each<[string, Contract, RegExp]>([
    [
      'another version',
      door({ doorVersion: 2 }),
      /is written for version 2 of postern\/door; this Postern has 1/,
    ],
    ['a name', door({ name: 'Über all' }), /^name: must be a short name/],
    ['no operations', door({ operations: [] }), /^operations: /],
    [
      'an operation without a handler',
      door({}, { handle: 7 as never }),
      /^operation register\.handle: must be a function/,
    ],
    ['a path', door({}, { path: 'register' }), /^operation register\.path: must be a path/],
    [
      'what is undecided',
      door({}, { undecided: 'say what it does' }),
      /register \(POST .*\) is not decided: say what it does/,
    ],
    [
      'one id twice',
      door({ operations: [first!, { ...first!, path: '/other' }] }),
      /two operations register/,
    ],
    [
      'one path twice',
      door({ operations: [first!, { ...first!, id: 'other' }] }),
      /POST .* is claimed by register and other/,
    ],
    [
      'its document where an operation is',
      door({ basePath: '', openapiPath: '/me' }, { method: 'get', path: '/me' }),
      /GET \/me is claimed by register and the page \/me/,
    ],
    [
      'a loose reply',
      door({}, { replies: { 201: z.strictObject({ user: z.array(z.object({ id: z.int() })) }) } }),
      /the reply 201 \.user\[\] must be a z\.strictObject/,
    ],
    ['no 400', door({}, { refusals: [409] }), /the refusal 400 is missing/],
    ['no 401', door({}, { auth: 'bearer', refusals: [400] }), /the refusal 401 is missing/],
    [
      'a refusal that is not its own',
      door({ refuse: () => ({ oops: true }) }),
      /refuse: what it makes of \w+ does not fit refusalSchema/,
    ],
    [
      'a schema that OpenAPI has no words for',
      door({}, { body: z.object({ when: z.date() }) }),
      /its OpenAPI document cannot be made/,
    ],
  ])('%s', (_what, wrong, problem) => {
    expect(problemsOf(wrong).join('\n')).toMatch(problem);
  });

  it('a module that is not there, is none, or exports no door', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'empty'));
    await writeFile(path.join(folder, 'none.mjs'), 'export const x = 1;');
    for (const [module, problem] of [
      ['nowhere', /there is no such file/],
      ['empty', /there is no such file, and no folder with an index/],
    ] as const)
      await expect(loadContracts([path.join(folder, module)])).rejects.toThrow(problem);
    const settings = path.join(folder, 'settings.yaml');
    await writeFile(settings, `contracts: { modules: ['${path.join(folder, 'none.mjs')}'] }`);
    const { code, stderr } = await runCli(['contract', 'list'], { env: { CONFIG_FILE: settings } });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.mjs: exports no door/)]);
  });
});
