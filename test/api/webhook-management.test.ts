import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/postern.ts';
import { callAs, idOf, itemsOf } from './support/operators.ts';
import { verified } from './support/receiver.ts';
import { newPath, openWebhooks } from './support/webhooks.ts';

type Stage = Awaited<ReturnType<typeof openWebhooks>>;
let receiver: Stage['receiver'];
let provider: Stage['provider'];
let owner: Stage['owner'];
let webhook: Stage['webhook'];
let happen: Stage['happen'];
let finished: Stage['finished'];
beforeAll(async () => {
  ({ receiver, provider, owner, webhook, happen, finished } = await openWebhooks());
});

describe('webhook URLs', () => {
  it.each([
    'https://10.0.0.1/x',
    'https://[::1]/x',
    'https://127.0.0.2/x',
    'https://169.254.169.254/latest',
    'http://example.com/x',
    'http://10.0.0.1/x',
  ])('at non-public addresses are refused: %s', async (url) => {
    expect(await owner('POST', '/webhooks', { url })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'url', reason: 'not_public', detail: expect.stringContaining('public') }] },
    });
  });

  it.each(['ftp://example.com', 'https://a:b@example.com', 'https://example.com/#x', 'nonsense', ''])(
    'that are invalid are refused: %s',
    async (url) => {
      expect(await owner('POST', '/webhooks', { url })).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'url' }] },
      });
    },
  );
});

describe('webhook secrets', () => {
  it('are shown once, stored encrypted, and both sign while one replaces the other', async () => {
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const made = await webhook({ event_types: ['user.suspended'], secret });
    expect(made.secret).toBe(secret);
    expect((await owner('GET', `/webhooks/${made.id}`)).body).not.toHaveProperty('secret');
    const rotated = await owner('POST', `/webhooks/${made.id}/rotate-secret?overlap=3600`);
    const next = String(rotated.body['secret']);
    expect(next).toMatch(/^whsec_/);
    expect(next).not.toBe(secret);
    await happen();
    await finished(made, 1);
    const [message] = made.received();
    expect(message!.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const one of [secret, next]) expect(verified(message!, one).type).toBe('user.suspended');
    await owner('POST', `/webhooks/${made.id}/rotate-secret?overlap=0`);
    await happen();
    await finished(made, 2);
    expect(() => verified(made.received().at(-1)!, secret)).toThrow('signature');
    const stored = JSON.stringify(
      await provider.sql("select *, encode(w.secret, 'escape') as raw from webhooks w where id = $1", [
        made.id,
      ]),
    );
    expect(stored).not.toContain('whsec_');
    const events = JSON.stringify(
      await provider.sql("select details from audit_events where type like 'webhook.%'"),
    );
    expect(events).not.toContain('whsec_');
    await owner('DELETE', `/webhooks/${made.id}`);
  });

  it('are null in a replayed reply', async () => {
    const body = { url: receiver.url(newPath()), event_types: ['role.*'] };
    const key = { 'idempotency-key': randomUUID() };
    const first = await owner('POST', '/webhooks', body, key);
    const again = await owner('POST', '/webhooks', body, key);
    expect(first.body['secret']).toEqual(expect.stringMatching(/^whsec_/));
    expect(again).toMatchObject({ status: 201, body: { id: idOf(first), secret: null } });
    await owner('DELETE', `/webhooks/${idOf(first)}`);
  });

  it.each(['whsec_', 'x', `whsec_${'A'.repeat(28)}`, `whsec_${'A'.repeat(92)}`, `whsec_${'-'.repeat(44)}`])(
    'of the wrong form are refused: %s',
    async (secret) => {
      const refused = await owner('POST', '/webhooks', { url: receiver.url('/x'), secret });
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'secret' }] } });
    },
  );
});

it('a webhook is changed under If-Match and with the permission, and its event names the changes', async () => {
  const made = await webhook();
  const change = { event_types: ['group.*', 'group.*'], description: 'Groups' };
  expect(await owner('PATCH', `/webhooks/${made.id}`, change, { 'if-match': '"1"' })).toMatchObject({
    status: 200,
    body: { event_types: ['group.*'], description: 'Groups', version: 2 },
  });
  expect(await owner('PATCH', `/webhooks/${made.id}`, change, { 'if-match': '"1"' })).toMatchObject({
    status: 412,
    body: { current: { version: 2 } },
  });
  expect(itemsOf(await owner('GET', '/audit?type=webhook.updated&limit=1'))[0]).toMatchObject({
    subject: { id: made.id },
    before: { description: '', event_types: ['user.reactivated', 'user.suspended'] },
    after: { description: 'Groups', event_types: ['group.*'] },
  });
  for (const event_types of [['user.nonsense'], ['nonsense.*'], []])
    expect(await owner('PATCH', `/webhooks/${made.id}`, { event_types })).toMatchObject({ status: 400 });
  const tested = await owner('POST', `/webhooks/${made.id}/test`);
  expect(tested).toMatchObject({ status: 202, body: { type: 'webhook.test' } });
  await finished(made, 1);
  expect(verified(made.received()[0]!, made.secret).type).toBe('webhook.test');
  const shown = await owner('GET', `/webhooks/${made.id}/deliveries/${idOf(tested)}`);
  expect(shown.body).toMatchObject({ status: 'delivered', body: { type: 'webhook.test' } });

  const auditor = await callAs(provider, 'auditor');
  expect((await auditor('GET', `/webhooks/${made.id}`)).status).toBe(200);
  const support = await callAs(provider, 'support');
  for (const [call, method, path] of [
    [auditor, 'POST', '/webhooks'],
    [auditor, 'DELETE', `/webhooks/${made.id}`],
    [auditor, 'POST', `/webhooks/${made.id}/rotate-secret`],
    [auditor, 'POST', `/webhooks/${made.id}/deliveries/${idOf(tested)}/replay`],
    [support, 'GET', '/webhooks'],
  ] as const)
    expect(
      await call(
        method,
        path,
        method === 'POST' && path === '/webhooks' ? { url: 'https://x.test' } : undefined,
      ),
    ).toMatchObject({
      status: 403,
    });
  for (const path of [`/webhooks/${randomUUID()}`, '/webhooks/x', `/webhooks/${made.id}/deliveries/x`])
    expect(await owner('GET', path)).toMatchObject({ status: 404 });
  expect(await owner('DELETE', `/webhooks/${made.id}`)).toMatchObject({ status: 204 });
});

it('the OpenAPI document lists webhooks with every type of event', async () => {
  const document = (await (await fetch(`${provider.url}/api/v2/openapi.json`)).json()) as {
    webhooks: Record<string, object>;
  };
  const types = itemsOf(await owner('GET', '/webhooks/event-types')).map(({ type }) => String(type));
  expect(Object.keys(document.webhooks)).toEqual(types);
  expect(types).toContain('webhook.test');
  expect(document.webhooks['user.created']).toMatchObject({
    post: {
      requestBody: {
        content: { 'application/json': { schema: { required: ['type', 'timestamp', 'data'] } } },
      },
    },
  });
});

it('webhooks can be managed by the command, which is audited', async () => {
  const { env } = provider.postern;
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const url = receiver.url(newPath());
  const made = JSON.parse(
    await command('webhook', 'create', '--url', url, '--event', 'role.*', '--json'),
  ) as {
    id: string;
    secret: string;
  };
  expect(made.secret).toMatch(/^whsec_/);
  expect(await owner('GET', `/webhooks/${made.id}`)).toMatchObject({
    body: { url, event_types: ['role.*'] },
  });
  await command('webhook', 'test', made.id);
  expect(await command('webhook', 'deliveries', made.id, '--type', 'webhook.test')).toContain('webhook.test');
  for (const [words, meant] of [
    [['webhook', 'deliveries', made.id, '--type', 'webhook.tst'], 'webhook.test'],
    [['audit', 'list', '--type', 'logn'], 'login'],
    [['audit', 'export', '--door', 'ap'], 'api'],
    [['mail', 'list', '--template', 'paswordreset'], 'password-reset'],
    [['mail', 'template', 'show', '--template', 'invitaton'], 'invitation'],
  ] as const) {
    const { code, stderr } = await runCli([...words], { env: provider.postern.env });
    expect([words, code]).toEqual([words, 1]);
    expect(stderr).toContain(`did you mean ${meant}?`);
  }
  const { events } = JSON.parse(
    await command('audit', 'list', '--type', 'webhook.*', '--limit', '2', '--json'),
  ) as {
    events: { type: string; door: string }[];
  };
  expect(events).toMatchObject([
    { type: 'webhook.tested', door: 'cli' },
    { type: 'webhook.created', door: 'cli' },
  ]);
  const csv = await command(
    'audit',
    'export',
    '--format',
    'csv',
    '--type',
    'webhook.tested',
    '--after',
    '1h',
  );
  expect(csv.split('\r\n').length).toBeGreaterThanOrEqual(3);
  const refused = await runCli(['webhook', 'create', '--url', 'https://10.0.0.1/x'], { env });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('public https address') });
});
