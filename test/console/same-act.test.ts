/** What a page shows as "the same" is run as it stands: the HTTP call, the command and the file. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { serviceAccount, itemsOf, ownToken } from '../api/support/operators.ts';
import { type ApiReply, send } from '../api/support/client.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { enterConsole, type Operator } from './support/operators.ts';

const shell = shellOperator(systemActor);
const run = promisify(execFile);

let provider: Provider;
let owner: Operator;
let token: string;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await enterConsole(provider, 'owner');
  token = (await ownToken(provider, await serviceAccount(provider, 'owner'))).body['access_token'] ?? '';
});

const call = (method: string, to: string, body?: unknown): Promise<ApiReply> =>
  send(provider, method, to, { body, headers: { authorization: `Bearer ${token}` } });

const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replaceAll('&amp;', '&');

interface Shown {
  api: string;
  cli: string;
  yaml: string | undefined;
}

/** The alternatives that a page shows. */
async function shownAt(page: string): Promise<Shown> {
  const { html } = await owner.open(page);
  const same = [...html.matchAll(/<details class="same">.*?<\/details>/gs)].join('');
  const blocks = [...same.matchAll(/<div class="same-block">.*?<code>(.*?)<\/code><\/pre>/gs)].map(
    ([, text = '']) => unescape(text),
  );
  const [api = '', cli = ''] = ['curl ', 'postern '].map((start) =>
    blocks.find((text) => text.startsWith(start)),
  );
  return { api, cli, yaml: blocks.find((text) => text !== api && text !== cli) };
}

/** The arguments that a shell makes of a command. */
async function wordsOf(command: string): Promise<string[]> {
  const print = 'curl() { printf "%s\\0" "$@"; }; postern() { printf "%s\\0" "$@"; };';
  const { stdout } = await run('sh', ['-euc', `${print}\n${command}`], { env: { TOKEN: token } });
  return stdout.split('\0').slice(0, -1);
}

/** Sends the request of a `curl` command. */
async function runCurl(command: string): Promise<void> {
  const [, method = '', url = '', ...options] = await wordsOf(command);
  const of = (name: string) => options.filter((_, index) => options[index - 1] === name);
  const headers = of('-H').map((line) => line.split(': ', 2) as [string, string]);
  const [body] = of('-d');
  const reply = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  expect({ command, status: reply.status, text: reply.ok ? '' : await reply.text() }).toEqual({
    command,
    status: expect.any(Number),
    text: '',
  });
}

async function runCommand(command: string): Promise<void> {
  const { code, stderr } = await runCli(await wordsOf(command), { env: provider.postern.env });
  expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
}

/** Runs `postern apply` on the file shown. @returns the exit status. */
async function apply(yaml: string, ...options: string[]): Promise<number | null> {
  const file = path.join(await temporaryFolder(), 'postern.yaml');
  await writeFile(file, yaml);
  const { code, stderr } = await runCli(['apply', '-f', file, ...options], { env: provider.postern.env });
  expect(stderr).toBe('');
  return code;
}

/** Values that differ between two runs. */
const PASSING = /^(?:id|number|version|.*_at|client_id|secrets|credentials|prefix|failing_since)$/;
const lasting = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !PASSING.test(name)));

const found = async (list: string): Promise<Record<string, unknown>> => {
  const [first] = itemsOf(await call('GET', list));
  return first ?? {};
};

/** Each has a page, a way to read the result, and a way to undo it. */
const MAKING: {
  page: string;
  read(): Promise<Record<string, unknown>>;
  undo(): Promise<unknown>;
}[] = [
  {
    page: '/roles/new',
    read: async () => (await call('GET', '/roles/helpdesk')).body,
    undo: () => call('DELETE', '/roles/helpdesk'),
  },
  {
    page: '/groups/new',
    read: () => found('/groups?search=Helpdesk'),
    undo: async () => call('DELETE', `/groups/${String((await found('/groups?search=Helpdesk'))['id'])}`),
  },
  {
    page: '/users/new',
    read: () => found('/users?search=ana@example.com'),
    undo: async () =>
      call('DELETE', `/users/${String((await found('/users?search=ana@example.com'))['id'])}`),
  },
  {
    page: `/clients/new?${new URLSearchParams({
      kind: 'web',
      framework: 'other',
      step: '3',
      name: "Ana's shop",
      redirect_uris: 'https://shop.example.test/callback',
    }).toString()}`,
    read: () => found(`/clients?search=${encodeURIComponent("Ana's")}`),
    undo: async () =>
      call(
        'DELETE',
        `/clients/${String((await found(`/clients?search=${encodeURIComponent("Ana's")}`))['client_id'])}`,
      ),
  },
  {
    page: '/webhooks/new',
    read: () => found('/webhooks'),
    undo: async () => call('DELETE', `/webhooks/${String((await found('/webhooks'))['id'])}`),
  },
  {
    page: '/settings/registration.open',
    read: async () =>
      itemsOf(await call('GET', '/settings')).find(({ key }) => key === 'registration.open') ?? {},
    undo: () => call('PATCH', '/settings', { 'registration.open': null }),
  },
  {
    page: '/branding',
    read: async () => (await call('GET', '/branding')).body,
    undo: () => call('PATCH', '/branding', { name: null, colors: null }),
  },
  {
    page: '/api-keys/new',
    read: () => found('/api-keys'),
    undo: async () => call('DELETE', `/api-keys/${String((await found('/api-keys'))['id'])}`),
  },
  {
    page: '/registration-tokens/new',
    read: () => found('/registration-tokens'),
    undo: async () =>
      call('DELETE', `/registration-tokens/${String((await found('/registration-tokens'))['id'])}`),
  },
];

test.each(MAKING)(
  '$page shows a call, a command and a file with the same effect',
  async ({ page, read, undo }) => {
    const { api, cli, yaml } = await shownAt(page);
    const before = lasting(await read());
    await runCurl(api);
    const byCall = lasting(await read());
    expect(byCall).not.toEqual(before);
    await undo();
    await runCommand(cli);
    expect(lasting(await read())).toEqual(byCall);
    await undo();
    if (yaml === undefined || page.startsWith('/settings')) return;
    expect(await apply(yaml, '--check')).toBe(3);
    expect(await apply(yaml, '--yes')).toBe(0);
    expect(lasting(await read())).toEqual(byCall);
  },
);

test('pages of existing records show how to create the same', async () => {
  const { operator } = provider;
  const client = await provider.createClient({ scope: 'openid profile' });
  const identifier = "https://orders.example.test/?of=Ana's";
  await provider.createApi({ identifier, name: 'Orders', scopes: ['orders:read', 'orders:write'] });
  await operator.upstreams.create(shell, {
    id: 'corp',
    name: "Corp's own",
    issuer: 'https://id.corp.example',
    clientId: 'postern',
    clientSecret: 'secret',
    enabled: false,
  });
  const { webhook } = await operator.webhooks.create(shell, { url: 'https://app.example.com/webhooks' });
  const { record } = await operator.apiKeyAdmin.create(shell, {
    name: "Ana's CRM",
    permissions: ['users:read'],
    expiresAt: new Date(Date.now() + 86_400_000),
  });
  for (const [page, of] of [
    [`/api-keys/${record.id}`, `/api-keys/${record.id}`],
    [`/clients/${client.id}`, `/clients/${client.id}`],
    [`/apis/${encodeURIComponent(identifier)}`, `/apis/${encodeURIComponent(identifier)}`],
    ['/upstreams/corp', '/upstreams/corp'],
    [`/webhooks/${webhook.id}/edit`, `/webhooks/${webhook.id}`],
  ] as const) {
    const read = async () => lasting((await call('GET', of)).body);
    const before = await read();
    const { api, cli, yaml } = await shownAt(page);
    await runCurl(api);
    expect(await read()).toEqual(before);
    await runCommand(cli);
    expect(await read()).toEqual(before);
    if (yaml !== undefined) expect([0, 3]).toContain(await apply(yaml, '--check', '--take-over'));
  }
});

test('pages that ask for confirmation show the same action as a call and a command', async () => {
  const person = await provider.createPerson();
  const status = async () => (await call('GET', `/users/${person.id}`)).body['status'];
  const { api, cli } = await shownAt(`/users/${person.id}/suspend`);
  for (const act of [() => runCurl(api), () => runCommand(cli)]) {
    await act();
    expect(await status()).toBe('suspended');
    await call('POST', `/users/${person.id}/reactivate`);
  }
});
