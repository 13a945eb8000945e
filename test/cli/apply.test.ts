import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/index.ts';
import { createAdministration } from '../../src/container/administration.ts';
import { createCore } from '../../src/container/core.ts';
import { sha256 } from '../../src/core/ids.ts';
import { systemActor } from '../../src/core/actor.ts';
import { createLogger } from '../../src/core/logger.ts';
import type { Applying, ApplyOptions, Wanted } from '../../src/domain/apply/index.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

const API = 'https://orders.example.com';
const FILE = `# yaml-language-server: $schema=postern.schema.json
owner: shop
apis:
  - identifier: ${API}
    name: Orders
    scopes: [orders:read, orders:write]
    enforce_roles: true
roles:
  - name: clerk
    description: Takes orders
    permissions: [users:read]
    scopes: [{ api: ${API}, scopes: [orders:read] }]
groups:
  - name: Front office
    roles: [clerk]
clients:
  - client_id: shop
    name: Shop
    client_secret: env:SHOP_SECRET
    redirect_uris: [https://shop.example.com/callback]
    grant_types: [authorization_code, refresh_token]
    scope: openid orders:read
  - client_id: shop-app
    name: Shop app
    public: true
    redirect_uris: [https://shop.example.com/app]
upstreams:
  - id: acme
    name: Acme
    issuer: https://accounts.acme.example
    client_id: us
    client_secret: { file: acme.secret }
webhooks:
  - url: https://hooks.example.com/postern
    event_types: [user.created]
attributes:
  properties:
    team: { type: string, scope: profile }
branding:
  name: The Shop
  texts: { en: { sign_in_title: Welcome to the shop } }
`;
const SECRETS = {
  SHOP_SECRET: 'a shared secret of the shop 0123456789',
  ACME: 'the secret that acme gave us',
};

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  file = path.join(folder, 'postern.yaml');
  await writeFile(file, FILE);
  await writeFile(path.join(folder, 'acme.secret'), SECRETS.ACME);
});

describe('postern apply', () => {
  it('applies a file once, and its export applied elsewhere creates the same', async () => {
    const postern = await startPostern({ databaseUrl: (await createDatabase()).url });
    const env = { ...postern.env, SHOP_SECRET: SECRETS.SHOP_SECRET };
    const apply = (...args: string[]) => runCli(['apply', '-f', file, ...args], { env });
    const pending = await apply('--check', '--json');
    expect([pending.code, pending.stderr]).toEqual([3, '']);
    const { changes } = JSON.parse(pending.stdout) as {
      changes: { action: string; kind: string; id: string }[];
    };
    expect(changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`)).toEqual([
      `create apis ${API}`,
      'create roles clerk',
      'create groups Front office',
      'create clients shop',
      'create clients shop-app',
      'create upstreams acme',
      'create webhooks https://hooks.example.com/postern',
      'create attributes accounts',
      'create branding branding',
    ]);
    expect(await apply()).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const done = await apply('--yes');
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('9 to create') });
    for (const { stdout } of [pending, done])
      for (const secret of Object.values(SECRETS)) expect(stdout).not.toContain(secret);
    expect(await apply('--check')).toMatchObject({ code: 0, stdout: 'No changes.\n' });
    const token = await fetch(`${postern.url}/oauth2/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`shop:${encodeURIComponent(SECRETS.SHOP_SECRET)}`)}` },
      body: new URLSearchParams({ token: 'x' }),
    });
    expect(token.status).toBe(200);

    const exported = await runCli(['config', 'export'], { env });
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    const other = await startPostern({ databaseUrl: (await createDatabase()).url });
    const copy = path.join(folder, 'copy.yaml');
    await writeFile(copy, exported.stdout);
    const there = {
      ...other.env,
      POSTERN_UPSTREAMS_ACME_SECRET: 'x',
      POSTERN_WEBHOOKS_HTTPS_HOOKS_EXAMPLE_COM_POSTERN_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    };
    expect(await runCli(['apply', '-f', copy, '--yes'], { env: there })).toMatchObject({
      code: 0,
      stderr: '',
    });
    const again = await runCli(['config', 'export'], { env: there });
    expect(again.stdout).toBe(exported.stdout);
    const schema = await runCli(['config', 'schema'], { env: there });
    expect(JSON.parse(schema.stdout)).toMatchObject({
      type: 'object',
      properties: { clients: { type: 'array' } },
    });
  });

  it.each([
    [
      'clients:\n  - client_id: a\n    redirect_uri: [x]\n',
      ':3: there is no clients.0.redirect_uri; did you mean redirect_uris?',
    ],
    [
      'roles:\n  - name: a\n\n    permission: []\n',
      ':4: there is no roles.0.permission; did you mean permissions?',
    ],
    ['role: []\n', ':1: there is no role; did you mean roles?'],
    ['roles:\n  - name: a\n    permissions: [users:fly]\n', ':3: roles.0.permissions.0: '],
    ['clients:\n  - client_id: a\n    client_secret: hunter2\n', ':3: clients.0.client_secret: '],
    [
      'clients:\n  - client_id: a\n    client_secret: env:NOT_THERE\n',
      'clients a: the environment variable NOT_THERE is not set or empty',
    ],
    ['roles: [\n', ':2: '],
    [`a: &a [x]\nb: &b [${Array(50).fill('*a').join()}]\nroles: [${Array(50).fill('*b').join()}]\n`, 'alias'],
    ['roles:\n  - name: a\n  - name: a\n', 'roles a is defined twice'],
  ])('names the mistake in %j', async (text, message) => {
    const wrong = path.join(folder, 'wrong.yaml');
    await writeFile(wrong, text);
    const { readFiles } = await import('../../src/cli/apply/read.ts');
    expect(() => readFiles([wrong])).toThrow(message);
  });
});

describe('a plan of postern apply', () => {
  let applying: Applying;
  let operator: Awaited<ReturnType<typeof open>>;
  const by = shellOperator(systemActor);
  async function open() {
    const databaseUrl = (await createDatabase()).url;
    const { env } = await startPostern({ databaseUrl });
    const secretsKey = env['SECRETS_KEY'] ?? '';
    const core = await createCore(loadConfig(env), {
      databaseUrl,
      secretsKey,
      logger: createLogger('silent'),
    });
    atEnd(() => core.close());
    return { ...core, ...createAdministration(core) };
  }
  beforeAll(async () => {
    operator = await open();
    ({ applying } = operator);
  });

  const role = (id: string, fields: Record<string, unknown> = {}): Wanted => ({ kind: 'roles', id, fields });
  const run = async (wanted: Wanted[], options: Partial<ApplyOptions> = {}) => {
    const all = { owner: 'test', takeOver: false, prune: false, ...options };
    const plan = await applying.plan(by, wanted, all);
    await applying.apply(by, wanted, all, plan);
    return plan.changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`);
  };
  const names = async () => (await operator.roles.list(by)).map(({ name }) => name);

  it('is applied completely or not at all', async () => {
    const wanted: Wanted[] = [
      role('half'),
      { kind: 'groups', id: 'Half', fields: { roles: ['half', 'missing'] } },
    ];
    await expect(run(wanted)).rejects.toThrow('groups Half');
    expect(await names()).not.toContain('half');
    expect(await operator.stores.ownedResources.list()).toEqual([]);
  });

  it('is refused if something has changed since it was made', async () => {
    const options = { owner: 'test', takeOver: false, prune: false };
    const wanted = [role('moved', { description: 'as wanted' })];
    await run([role('moved', { description: 'first' })]);
    const plan = await applying.plan(by, wanted, options);
    await operator.roles.update(by, 'moved', { description: 'meanwhile' });
    await expect(applying.apply(by, wanted, options, plan)).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    expect(await operator.roles.find(by, 'moved')).toMatchObject({ description: 'meanwhile' });
  });

  it('is applied once by parallel runs', async () => {
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => run([role('twice'), role('thrice')])));
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'precondition_failed' });
    expect((await names()).filter((name) => name === 'twice')).toEqual(['twice']);
  });

  it('leaves records of other owners alone unless told to take them over, and prunes only its own', async () => {
    await operator.roles.create(by, { name: 'by-hand', description: 'by hand' });
    const options = { owner: 'test', takeOver: false, prune: true };
    const wanted = [role('by-hand', { description: 'by file' })];
    const refused = await applying.plan(by, wanted, options);
    expect(refused.conflicts).toEqual([{ kind: 'roles', id: 'by-hand', owner: null }]);
    await expect(applying.apply(by, wanted, options, refused)).rejects.toMatchObject({ code: 'forbidden' });
    await run([role('of-another')], { owner: 'another' });
    expect(await run([role('of-test')], { prune: true })).toContain('delete roles moved');
    expect(await names()).toEqual(
      expect.arrayContaining(['by-hand', 'of-another', 'of-test', 'user', 'admin']),
    );
    expect(await run(wanted, { takeOver: true })).toEqual(['update roles by-hand']);
    // Records that already match are taken over too, and later deleted with the file's.
    await operator.roles.create(by, { name: 'as-wanted' });
    expect(await run([role('as-wanted')])).toEqual([]);
    expect(await run([...wanted, role('as-wanted'), role('of-test')], { takeOver: true })).toEqual([
      'update roles as-wanted',
    ]);
    expect(await run([...wanted, role('of-test')], { prune: true })).toEqual(['delete roles as-wanted']);
    expect(await run([], { prune: true })).toEqual(['delete roles by-hand', 'delete roles of-test']);
    expect(await names()).toEqual(expect.arrayContaining(['of-another', 'user', 'admin']));
  });

  it('keeps what the file never mentioned, and reverts what it no longer mentions', async () => {
    await run([role('partly', { description: 'said' })]);
    await operator.roles.update(by, 'partly', { permissions: ['users:read'] });
    expect(await run([role('partly', {})])).toEqual(['update roles partly']);
    expect(await operator.roles.find(by, 'partly')).toMatchObject({
      description: '',
      permissions: ['users:read'],
    });
    expect(await run([role('partly', {})])).toEqual([]);
  });

  it('sets a client’s secret from the reference in the file, and again when the secret changes', async () => {
    const shop = (secret: string): Wanted => ({
      kind: 'clients',
      id: 'secretive',
      fields: {
        name: 'Secretive',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      secret,
    });
    const options = { owner: 'test', takeOver: false, prune: false };
    const first = shop('the first secret of the shop');
    const secrets = async () => (await operator.clients.secrets(by, 'secretive')).map(({ id }) => id);
    await run([first]);
    const [one] = await secrets();
    expect(await run([first])).toEqual([]);
    const second = shop('another secret of the shop');
    const plan = await applying.plan(by, [second], options);
    expect(plan.changes).toMatchObject([
      { fields: { client_secret: { before: '(secret)', after: '(secret)' } } },
    ]);
    expect(JSON.stringify(plan)).not.toContain('another secret');
    await applying.apply(by, [second], options, plan);
    expect(await secrets()).toEqual([expect.not.stringMatching(one ?? ''), one]);
    // Deleted by hand and created again with the secret from the file.
    await operator.clients.remove(by, 'secretive');
    expect(await run([second])).toEqual(['create clients secretive']);
    expect(await secrets()).toHaveLength(1);
    const hash = (await operator.stores.clients.find('secretive'))?.secretHash;
    expect(hash).toBe(sha256('another secret of the shop'));
    await run([], { prune: true });
  });

  it('changes in the branding only what the file changes', async () => {
    const look = (fields: Record<string, unknown>): Wanted => ({ kind: 'branding', id: 'branding', fields });
    await run([look({ name: 'Shop', texts: { en: { sign_in_title: 'Hello', page_footer: 'Bye' } } })]);
    expect(
      await run([look({ texts: { en: { sign_in_title: 'Hello' }, de: { sign_in_title: 'Hallo' } } })]),
    ).toEqual(['update branding branding']);
    expect((await operator.branding.show()).content).toEqual({
      texts: { en: { sign_in_title: 'Hello' }, de: { sign_in_title: 'Hallo' } },
    });
    expect(await run([], { prune: true })).toEqual(['delete branding branding']);
    expect((await operator.branding.show()).content).toEqual({});
  });

  it('orders changes of records that refer to one another', async () => {
    const id = 'https://moves.example.com';
    const api = (scopes: string[]): Wanted => ({ kind: 'apis', id, fields: { name: 'Moves', scopes } });
    const mover = (...scopes: string[]) => role('mover', { scopes: [{ api: id, scopes }] });
    await run([api(['a', 'b']), mover('a', 'b')]);
    // The API drops a scope that the role still has, and adds one that the role is about to get.
    await run([mover('b', 'c'), api(['b', 'c'])]);
    expect(await operator.apis.find(by, id)).toMatchObject({ scopes: ['b', 'c'] });
    expect(await operator.roles.find(by, 'mover')).toMatchObject({ scopes: { [id]: ['b', 'c'] } });
    expect(await run([], { prune: true })).toEqual([`delete apis ${id}`, 'delete roles mover']);
  });
});

it('the example in the documentation can be applied', async () => {
  const text = await readFile(
    path.resolve(import.meta.dirname, '../../docs/configuration-as-code.md'),
    'utf8',
  );
  const [, example = ''] = /```yaml\n(# postern\.yaml[^]*?)```/.exec(text) ?? [];
  const written = path.join(folder, 'example.yaml');
  await writeFile(written, example.replaceAll(/env:\w+/g, 'env:PATH'));
  const { readFiles } = await import('../../src/cli/apply/read.ts');
  expect(readFiles([written]).wanted.length).toBeGreaterThan(5);
});
