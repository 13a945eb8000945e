import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/cleanup.ts';
import { type Outcome, type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const REGISTRATION = 'src/http/contracts/registered.ts';
const LINE = `export { library } from '../../../test/contracts/example-contract/index.ts';\n`;

const guide = await readFile(path.join(ROOT, 'docs/contracts.md'), 'utf8');
const snippets = [...guide.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, file = '', code = '']) => ({
  file,
  code,
}));

/** A checkout with one more door: its folder, and one line. */
async function withContract(): Promise<string> {
  const root = path.join(await temporaryFolder(), 'postern');
  await mkdir(root);
  for (const part of [
    'bin',
    'config',
    'migrations',
    'package.json',
    'src',
    'test/contracts/example-contract',
    'views',
  ])
    await cp(path.join(ROOT, part), path.join(root, part), { recursive: true });
  await symlink(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const file = path.join(root, REGISTRATION);
  await writeFile(file, (await readFile(file, 'utf8')) + LINE);
  return root;
}

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

describe('a sixth contract, of one folder and one line,', () => {
  const person = { email: 'reader@example.com', pin: 'Quiet harbour 1871' };
  let root: string;
  let postern: Postern;
  beforeAll(async () => {
    root = await withContract();
    const { url: databaseUrl } = await createDatabase();
    const settings = {
      contracts: { root: ['cookie', 'gateway', 'library'], tokens: { ppl: { access: 60, refresh: 60 } } },
    };
    postern = await startPostern({ root, databaseUrl, settings });
    expect((await cli('user', 'create', '--email', person.email, '--password', person.pin)).code).toBe(0);
  });

  const cli = (...args: string[]): Promise<Outcome> => runCli(args, { root, env: postern.env });
  const session = (method: string, base: string, sent: { body?: object; card?: string } = {}) =>
    fetch(`${postern.url}${base}/library/v1/session`, {
      method,
      headers: {
        ...(sent.body ? { 'Content-Type': 'application/json' } : {}),
        ...(sent.card === undefined ? {} : { Authorization: `Bearer ${sent.card}` }),
      },
      ...(sent.body ? { body: JSON.stringify(sent.body) } : {}),
    });

  it.each(['/contracts/library', ''])('lets people in and out, at "%s"', async (base) => {
    const opened = await session('POST', base, { body: person });
    expect(opened.status).toBe(200);
    const { card, reader } = (await opened.json()) as { card: string; reader: object };
    expect(reader).toMatchObject({ email: person.email });
    const claims = JSON.parse(Buffer.from(card.split('.')[1]!, 'base64url').toString()) as Record<
      string,
      number
    >;
    expect(claims).toMatchObject({ client_id: 'contract:library', aud: `${postern.url}/contracts/library` });
    expect(claims['exp']! - claims['iat']!).toBe(600);
    expect(await (await session('GET', base, { card })).json()).toEqual(reader);
    expect((await session('DELETE', base, { card })).status).toBe(204);
    const gone = await session('GET', base, { card });
    expect([gone.status, await gone.json()]).toEqual([401, { problem: expect.any(String), status: 401 }]);
  });

  it('keeps to its document, as the command says', async () => {
    const { code, stdout } = await cli(
      'contract',
      'verify',
      'library',
      `${postern.url}/contracts/library`,
      '--json',
    );
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
