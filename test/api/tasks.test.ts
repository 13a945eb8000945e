import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { sampleOf } from '../../src/mail/samples.ts';
import type { Message } from '../../src/mail/messages.ts';
import { SmtpSink } from '../mail/smtp-sink.ts';
import { signIn } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { apiOf } from './support/client.ts';
import { type Call, callAs, idOf, itemsOf, ownToken, serviceAccount } from './support/operators.ts';
import { startReceiver } from './support/receiver.ts';

let provider: Provider;
let sink: SmtpSink;
let owner: Call;
let token: string;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

beforeAll(async () => {
  sink = await SmtpSink.start();
  receiver = await startReceiver((res) => res.writeHead(204).end());
  provider = await startProvider({
    stores: 'PostgreSQL',
    env: { SMTP_URL: sink.url },
    settings: {
      outbound: { allow: ['127.0.0.1'] },
      lockout: { account: { attempts: 3, window: 600 }, source: { attempts: 100, window: 600 } },
    },
  });
  owner = await callAs(provider, 'owner');
  token = (await ownToken(provider, await serviceAccount(provider, 'owner'))).body['access_token'] ?? '';
});

type Names = Record<string, string>;

/** What a row of the table is tested with. */
interface Task {
  /** Creates what the call needs, and the same for the command. @returns values for `{name}` in the row. */
  prepare(): Promise<Names>;
  /** Throws unless the effect is there. @param told the reply or output, as text. */
  check(names: Names, told: string): Promise<void>;
}

const get = async (path_: string) => (await owner('GET', path_)).body;
const newPerson = async () => {
  const person = await provider.createPerson();
  return { person, user: person.id };
};
const onPerson = (check: Task['check'], before?: (person: Person) => Promise<unknown>): Task => ({
  async prepare() {
    const { person, user } = await newPerson();
    await before?.(person);
    return { user, address: `${randomUUID()}@example.test`, part: person.username.slice(3, 12) };
  },
  check,
});
const newClient = () => provider.createClient();
const onClient = (check: Task['check'], before?: (client: Client) => Promise<Names>): Task => ({
  async prepare() {
    const client = await newClient();
    return { client: client.id, ...(await before?.(client)) };
  },
  check,
});

const failToSignIn = (person: Person, times: number) =>
  Promise.all(
    Array.from({ length: times }, () =>
      fetch(`${provider.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: person.username, password: 'not this one' }),
      }),
    ),
  );
const signInTo = async (person: Person, client: Client) => void (await signIn(provider, client, person));
const mailTo = (address: string) => sink.accepted.filter((mail) => mail.to?.[0]?.address === address);
const keys = async () => (await get('/keys'))['items'] as { kid: string }[];
let keysBefore = 0;

const TASKS: Record<string, Task> = {
  'find a person by part of a name': onPerson(async ({ user }, told) => expect(told).toContain(user)),
  'unlock': onPerson(
    async ({ user }) => expect(await get(`/users/${user}`)).toMatchObject({ locked_until: null }),
    async (person) => {
      await failToSignIn(person, 4);
      expect(await get(`/users/${person.id}`)).toMatchObject({ locked_until: expect.any(String) });
    },
  ),
  'reset factors': onPerson(
    async ({ user }) => expect(await get(`/users/${user}/factors`)).toMatchObject({ items: [] }),
    ({ id }) =>
      provider.sql(
        "insert into totp_authenticators (id, account_id, name, secret) values (gen_random_uuid(), $1, 'App', '\\x00')",
        [id],
      ),
  ),
  'see why a sign-in failed': onPerson(
    async (_names, told) => expect(told).toContain('invalid_credentials'),
    async (person) => {
      await failToSignIn(person, 1);
      await until(
        async () => itemsOf(await owner('GET', `/audit?subject=${person.id}&outcome=failure`)).length > 0,
      );
    },
  ),
  'end sessions': onPerson(
    async ({ user }) => expect(await get(`/users/${user}/sessions`)).toMatchObject({ items: [] }),
    async (person) => signInTo(person, await newClient()),
  ),
  'suspend': onPerson(async ({ user }) =>
    expect(await get(`/users/${user}`)).toMatchObject({ status: 'suspended' }),
  ),
  'change an address': onPerson(async ({ user, address }) =>
    expect(await get(`/users/${user}`)).toMatchObject({ email: address, email_verified: true }),
  ),
  'export data': onPerson(async ({ part }, told) => expect(told).toContain(part)),
  'delete': onPerson(async ({ user }) =>
    expect(await owner('GET', `/users/${user}`)).toMatchObject({ status: 404 }),
  ),
  'invite': onPerson(async ({ address = '' }) => until(() => mailTo(address).length === 1)),
  'give a role': onPerson(async ({ user }) =>
    expect(await get(`/users/${user}/roles`)).toMatchObject({
      roles: expect.arrayContaining(['user', 'auditor']),
    }),
  ),
  'make an app': {
    prepare: () => Promise.resolve({ name: `Shop ${randomUUID()}` }),
    check: async ({ name = '' }) =>
      expect(itemsOf(await owner('GET', `/clients?search=${encodeURIComponent(name)}`))).toHaveLength(1),
  },
  'rotate its secret': onClient(async ({ client }) =>
    expect(itemsOf(await owner('GET', `/clients/${client}/secrets`))).toHaveLength(2),
  ),
  'disable it': onClient(async ({ client }) =>
    expect(await get(`/clients/${client}`)).toMatchObject({ enabled: false }),
  ),
  'see who uses it': onClient(
    async ({ user = 'nobody' }, told) => expect(told).toContain(user),
    async (client) => {
      const { person, user } = await newPerson();
      await signInTo(person, client);
      return { user };
    },
  ),
  'read the audit': onPerson(async ({ user = 'nobody' }, told) => expect(told).toContain(user)),
  'export the audit': onPerson(async ({ user = 'nobody' }, told) => expect(told).toContain(user)),
  'resend a mail': {
    async prepare() {
      sink.behaviour = 'refuse-recipient';
      const to = `${randomUUID()}@example.test`;
      const link = { token: 'S4mple', lasts: 900, expiresAt: new Date(Date.now() + 900_000).toISOString() };
      const content = { ...sampleOf('password-reset'), link, to } as Message;
      const { outbox, inTransaction } = provider.operator.stores;
      await inTransaction((tx) => outbox.enqueue({ cause: randomUUID(), content }, tx));
      const waiting = async () => itemsOf(await owner('GET', `/mail/outbox?to=${to}`))[0];
      await until(async () => typeof (await waiting())?.['error'] === 'string');
      const mail = String((await waiting())?.['id']);
      await provider.sql("update outbox set due_at = now() + interval '1 day' where id = $1", [mail]);
      sink.behaviour = 'accept';
      return { mail, to };
    },
    check: async ({ to = '' }) => until(() => mailTo(to).length === 1),
  },
  'replay a webhook': {
    async prepare() {
      const at = `/${randomUUID()}`;
      const webhook = idOf(
        await owner('POST', '/webhooks', { url: receiver.url(at), event_types: ['role.deleted'] }),
      );
      await owner('POST', `/webhooks/${webhook}/test`);
      await until(() => receiver.at(at).length === 1);
      const [first] = itemsOf(await owner('GET', `/webhooks/${webhook}/deliveries`));
      return { webhook, delivery: String(first?.['id']), at };
    },
    async check({ at = '', webhook }) {
      await until(() => receiver.at(at).length === 2);
      await owner('DELETE', `/webhooks/${webhook}`);
    },
  },
  'rotate a signing key': {
    async prepare() {
      keysBefore = (await keys()).length;
      return {};
    },
    check: async () => expect((await keys()).length).toBeGreaterThan(keysBefore),
  },
};

interface Row {
  task: string;
  calls: string[];
  commands: string[];
}

const codes = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

async function table(): Promise<Row[]> {
  const text = await readFile('docs/management.md', 'utf8');
  const section = text.split('\n## Twenty tasks\n')[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| task') && !line.startsWith('| ---'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, task = '', call = '', command = '']) => ({
      task,
      calls: codes(call),
      commands: codes(command),
    }));
}

const filled = (text: string, names: Names) =>
  text.replaceAll(/\{(\w+)\}/g, (all, name: string) => names[name] ?? all);

async function call(line: string): Promise<string> {
  const [, method = '', target = '', body] = /^(\S+) (\S+)(?: (\{.*\}))?$/.exec(line) ?? [];
  const reply = await fetch(`${apiOf(provider)}${target}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  });
  const told = await reply.text();
  expect([line, reply.ok, reply.ok ? '' : told]).toEqual([line, true, '']);
  return told;
}

/** Splits a command into words like a shell. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

async function command(line: string, env: Record<string, string | undefined>): Promise<string> {
  const [program, ...args] = words(line);
  expect(program).toBe('postern');
  const { code, stdout, stderr } = await runCli(args, { env: env as Record<string, string> });
  expect([line, code, stderr]).toEqual([line, 0, '']);
  return stdout;
}

it('each task in the table is performed by its call and by its command', async () => {
  const rows = await table();
  const last = 'move the set-up to another environment';
  expect(rows.map(({ task }) => task)).toEqual([...Object.keys(TASKS), last]);
  const waiting: (() => Promise<void>)[] = [];
  for (const { task, calls, commands } of rows) {
    const { prepare, check } = TASKS[task] ?? {};
    if (!prepare || !check) continue;
    expect([task, calls.length, commands.length]).toEqual([task, 1, 1]);
    const first = await prepare();
    await check(first, await call(filled(calls[0]!, first)));
    const second = await prepare();
    waiting.push(async () =>
      check(second, await command(filled(commands[0]!, second), provider.postern.env)),
    );
  }
  // Each starts a process: run a few at a time.
  const inTurn = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: 4 }, inTurn));
  // Reads are done by the calls, creations by a bulk request. Commands do both with a file.
  const { calls, commands } = rows.at(-1)!;
  const groups = JSON.parse(await call(calls[0]!)) as { items: unknown[] };
  expect(groups.items).toEqual([]);
  const name = `Crew ${randomUUID()}`;
  const operations = [{ method: 'POST', path: '/groups', body: { name } }];
  expect(await call(`${calls[1]} ${JSON.stringify({ operations })}`)).toContain('"status":201');
  const file = path.join(await temporaryFolder(), 'postern.yaml');
  const [from, to] = commands;
  await writeFile(file, await command(from!, provider.postern.env));
  const elsewhere = { ...provider.postern.env, DATABASE_URL: (await createDatabase()).url };
  await command(to!.replace('postern.yaml', file), elsewhere);
  expect(await command('postern group list --json', elsewhere)).toContain(name);
});
