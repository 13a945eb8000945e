import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Message } from '../../src/mail/messages.ts';
import { sampleOf } from '../../src/mail/samples.ts';
import { SmtpSink } from '../mail/smtp-sink.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

const TOKEN = 'S4mpleT0kenS4mpleT0kenS4mple';
let provider: Provider;
let sink: SmtpSink;
let owner: Call;

beforeAll(async () => {
  sink = await SmtpSink.start();
  provider = await startProvider({ stores: 'PostgreSQL', env: { SMTP_URL: sink.url } });
  owner = await callAs(provider, 'owner');
});

const newAddress = () => `${randomUUID()}@example.test`;

/** Adds a message with a link that stays valid for a while. */
async function post(to: string, more: Partial<Message> = {}): Promise<void> {
  const link = { token: TOKEN, lasts: 900, expiresAt: new Date(Date.now() + 900_000).toISOString() };
  const content = { ...sampleOf('password-reset'), link, to, ...more } as Message;
  const { outbox, inTransaction } = provider.operator.stores;
  await inTransaction((tx) => outbox.enqueue({ cause: randomUUID(), content }, tx));
}

const listed = async (to: string) => itemsOf(await owner('GET', `/mail/outbox?to=${to}`));
const sentTo = (to: string) => sink.accepted.filter((mail) => mail.to?.[0]?.address === to);

describe('the outbox', () => {
  it('shows what is pending and why, without tokens, and resends on request', async () => {
    sink.behaviour = 'refuse-recipient';
    const to = newAddress();
    await post(to);
    await until(async () => (await listed(to))[0]?.['error'] !== null);
    const [waiting] = await listed(to);
    expect(waiting).toEqual({
      id: expect.any(String),
      template: 'password-reset',
      to,
      state: 'waiting',
      attempts: expect.any(Number),
      error: expect.stringContaining('550'),
      created_at: expect.any(String),
      next_attempt_at: expect.any(String),
      failed_at: null,
    });
    const id = String(waiting?.['id']);
    expect((await owner('GET', `/mail/outbox/${id}`)).body).toMatchObject({ id, to });
    expect(JSON.stringify(await owner('GET', '/mail/outbox'))).not.toContain(TOKEN);
    expect(await listed(to.toUpperCase())).toHaveLength(1);
    for (const none of ['state=failed', 'template=new-device'])
      expect(itemsOf(await owner('GET', `/mail/outbox?to=${to}&${none}`))).toEqual([]);

    await provider.sql("update outbox set due_at = now() + interval '1 day' where id = $1", [id]);
    sink.behaviour = 'accept';
    expect(await owner('POST', `/mail/outbox/${id}/resend`)).toMatchObject({ status: 202, body: { id } });
    await until(() => sentTo(to).length === 1);
    expect(sentTo(to)[0]?.text).toContain(TOKEN);
    await until(async () => (await listed(to)).length === 0);
    expect(await owner('POST', `/mail/outbox/${id}/resend`)).toMatchObject({ status: 404 });
    expect(itemsOf(await owner('GET', '/audit?type=mail.resent&limit=1'))[0]).toMatchObject({
      after: { mail: id, template: 'password-reset' },
    });
    // Neither the content nor the address of a sent message is left.
    expect(await provider.sql('select content, address from outbox where id = $1', [id])).toEqual([
      { content: null, address: null },
    ]);
  });

  it('keeps messages given up after three days, and sends them on request', async () => {
    sink.behaviour = 'refuse-recipient';
    const to = newAddress();
    await post(to);
    await until(async () => (await listed(to))[0]?.['error'] !== null);
    await provider.sql(
      "update outbox set created_at = now() - interval '3 days 1 minute', due_at = now() where address = $1",
      [to],
    );
    await until(async () => (await listed(to))[0]?.['state'] === 'failed');
    const [failed] = await listed(to);
    expect(failed).toMatchObject({ next_attempt_at: null, failed_at: expect.any(String) });
    expect((await provider.operator.sweep())['outbox']).toBe(0);
    sink.behaviour = 'accept';
    await owner('POST', `/mail/outbox/${String(failed?.['id'])}/resend`);
    await until(() => sentTo(to).length === 1);
  });

  it('drops a message instead of resending it if its link has expired', async () => {
    sink.behaviour = 'refuse-recipient';
    const to = newAddress();
    const expiresAt = new Date(Date.now() + 3_000).toISOString();
    await post(to, { link: { token: TOKEN, lasts: 3, expiresAt } });
    await until(async () => (await listed(to))[0]?.['error'] !== null);
    sink.behaviour = 'accept';
    const [waiting] = await listed(to);
    await provider.sql("update outbox set due_at = now() + interval '1 day' where address = $1", [to]);
    await until(() => Date.now() > Date.parse(expiresAt));
    await owner('POST', `/mail/outbox/${String(waiting?.['id'])}/resend`);
    await until(async () => (await listed(to)).length === 0);
    expect(sentTo(to)).toEqual([]);
  });
});

describe('mail templates', () => {
  const write = (texts: object, more: object = {}, headers = {}) =>
    owner(
      'PATCH',
      '/mail/templates',
      { template: 'password-reset', language: 'en', texts, ...more },
      headers,
    );

  it('are changed by language under If-Match, and used for the next mail', async () => {
    const before = await owner('GET', '/mail/templates?template=password-reset&language=en');
    expect(before.body['items']).toMatchObject([
      {
        template: 'password-reset',
        language: 'en',
        overridden: [],
        texts: { action: 'Choose a new password' },
      },
    ]);
    const tag = before.headers.get('etag') ?? '';
    const changed = await write(
      { subject: 'Your {name} password', action: 'Go on' },
      {},
      { 'if-match': tag },
    );
    expect(changed).toMatchObject({
      status: 200,
      body: { items: [{ overridden: ['subject', 'action'], texts: { subject: 'Your {name} password' } }] },
    });
    expect(await write({ subject: 'Other' }, {}, { 'if-match': tag })).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    });
    expect(itemsOf(await owner('GET', '/audit?type=mail_template.updated&limit=1'))[0]).toMatchObject({
      before: { 'password-reset.subject': null },
      after: { 'password-reset.subject': 'Your {name} password' },
    });
    sink.behaviour = 'accept';
    const [english, german] = [newAddress(), newAddress()];
    await post(english);
    await post(german, { locale: 'de' });
    await until(() => sentTo(english).length === 1 && sentTo(german).length === 1);
    expect(sentTo(english)[0]?.subject).toBe('Your Postern password');
    expect(sentTo(english)[0]?.html).toContain('>Go on<');
    expect(sentTo(english)[0]?.html).toContain(`href="${provider.url}/reset-password?token=${TOKEN}"`);
    expect(sentTo(german)[0]?.subject).not.toContain('Your');

    const back = await write({ subject: null, action: null });
    expect(back.body['items']).toMatchObject([
      { overridden: [], texts: { action: 'Choose a new password' } },
    ]);
  });

  it.each([
    ['line 2, column 5', 'Hello\nyou {person'],
    ['line 1', '{count, plural, one {x}}'],
    ['{nonsense}', '{nonsense} and more'],
    ['URL', 'Go to https://evil.example'],
    ['URL', 'Go to evil.example/reset'],
    ['URL', 'Go to {name, select, a {ht} other {https:}}//evil'],
    ['URL', '{name}.evil'],
    ['URL', 'mailto:me'],
    ['character', 'a\u202eb'],
    ['character', 'a\u0000b'],
    ['empty', '   '],
    ['2000', 'x'.repeat(2_001)],
  ])('with a mistake in %s are refused (%#)', async (reason, sentence) => {
    expect(await write({ text: sentence })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'texts.text', detail: expect.stringContaining(reason) }] },
    });
  });

  it('accept no unknown template, language or text', async () => {
    for (const [texts, more] of [
      [{ subject: 'two\nlines' }, {}],
      [{ unknown: 'x' }, {}],
      [{ text: 'x' }, { language: 'fr' }],
      [{ text: 'x' }, { template: 'nonsense' }],
      [{ text: 5 }, {}],
    ] as const)
      expect(await write(texts, more)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('a mail preview', () => {
  const preview = (more: object) =>
    owner('POST', '/mail/templates/preview', { template: 'new-device', language: 'en', ...more });

  it('shows each kind of message in each language with sample data', async () => {
    const kinds = new Set(itemsOf(await owner('GET', '/mail/templates')).map(({ template }) => template));
    for (const template of kinds)
      for (const language of ['en', 'de', 'es', 'zh']) {
        const shown = await preview({ template, language });
        expect(shown).toMatchObject({
          status: 200,
          body: { template, subject: expect.stringMatching(/\S/) },
        });
        expect(shown.body['html']).toMatch(/^<!doctype html>/);
        expect(shown.body['text']).not.toContain('undefined');
      }
    expect((await preview({ language: 'de' })).body['language']).toBe('de');
  });

  it('renders unsaved texts and names the line of a mistake', async () => {
    expect(await preview({ texts: { subject: 'Look, {name}' } })).toMatchObject({
      body: { subject: 'Look, Postern', html: expect.stringContaining('Look, Postern') },
    });
    expect(await preview({ texts: { subject: null } })).toMatchObject({
      body: { subject: expect.not.stringContaining('Look') },
    });
    expect(await preview({ texts: { text: 'one\n{two' } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'texts.text', detail: expect.stringContaining('line 2') }] },
    });
    expect((await preview({})).body['subject']).not.toContain('Look');
  });
});

describe('a test message', () => {
  it('arrives on its own or as a sample of a message, marked as such', async () => {
    sink.behaviour = 'accept';
    const [plain, sample] = [newAddress(), newAddress()];
    expect(await owner('POST', '/mail/test', { to: plain, language: 'de' })).toMatchObject({
      status: 202,
      body: { to: plain, template: null },
    });
    await owner('POST', '/mail/test', { to: sample, template: 'password-reset' });
    await until(() => sentTo(plain).length === 1 && sentTo(sample).length === 1);
    expect(sentTo(plain)[0]).toMatchObject({ subject: 'Eine Testnachricht' });
    expect(sentTo(sample)[0]?.subject).toMatch(/^Test: /);
    expect(itemsOf(await owner('GET', '/audit?type=mail.tested&limit=1'))[0]).toMatchObject({
      after: { template: 'password-reset' },
    });
    const { code } = await runCli(['mail', 'test', newAddress()], { env: provider.postern.env });
    expect(code).toBe(0);
  });

  it('goes to a named recipient, and only to a few per hour', async () => {
    expect(await owner('POST', '/mail/test', {})).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'to' }] },
    });
    expect(await owner('POST', '/mail/test', { to: 'nobody' })).toMatchObject({ status: 400 });
    const to = newAddress();
    for (let nth = 0; nth < 10; nth += 1)
      expect((await owner('POST', '/mail/test', { to })).status).toBe(202);
    expect(await owner('POST', '/mail/test', { to })).toMatchObject({ status: 429 });
  });

  it('is sent under the name from the current branding', async () => {
    const to = newAddress();
    await owner('PATCH', '/branding', { name: 'Quayside' });
    await until(async () => {
      await owner('POST', '/mail/test', { to });
      return sentTo(to).some((mail) => mail.from?.name === 'Quayside');
    });
    await owner('PATCH', '/branding', { name: null });
  });
});

it('the mail operations need their permissions', async () => {
  const support = await callAs(provider, 'support');
  expect((await support('GET', '/mail/outbox')).status).toBe(200);
  expect((await support('GET', '/mail/templates')).status).toBe(200);
  expect(await support('POST', `/mail/outbox/${randomUUID()}/resend`)).toMatchObject({ status: 403 });
  const change = { template: 'shared', language: 'en', texts: { greetingPlain: 'Hi,' } };
  expect(await support('PATCH', '/mail/templates', change)).toMatchObject({ status: 403 });
  const developer = await callAs(provider, 'developer');
  expect(await developer('GET', '/mail/outbox')).toMatchObject({ status: 403 });
  for (const path of [`/mail/outbox/${randomUUID()}`, '/mail/outbox/x'])
    expect(await owner('GET', path)).toMatchObject({ status: 404 });
});

it('the mail operations are available as commands', async () => {
  const { env } = provider.postern;
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const written = JSON.parse(
    await command('mail', 'template', 'set', 'shared', 'en', 'greetingPlain', '--text', 'Hi,', '--json'),
  ) as { items: { overridden: string[] }[] };
  expect(written.items[0]?.overridden).toEqual(['greetingPlain']);
  expect(await command('mail', 'list')).toContain('last failure');
});
