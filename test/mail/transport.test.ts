import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';
import {
  createFileTransport,
  createSmtpTransport,
  MessageRefused,
  type RenderedMail,
  senderOf,
} from '../../src/mail/transport.ts';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { settings } from './settings.ts';
import { sampleOf } from '../../src/mail/samples.ts';
import { SmtpSink } from './smtp-sink.ts';

const from = { name: 'Die Pforte, GmbH', address: 'no-reply@example.com' };
const signal = () => AbortSignal.timeout(10_000);

const letterOf = (locale: string, to = 'zoe@example.com'): RenderedMail => ({
  ...createMessageRenderer(settings)(sampleOf('password-reset', locale)),
  id: '00000000-0000-4000-8000-000000000001',
  date: new Date('2026-11-21T02:43:00.123Z'),
  to,
});

test.each(['en', 'de', 'es', 'zh'])('a message arrives unchanged, in %s', async (locale) => {
  const sink = await SmtpSink.start();
  const transport = createSmtpTransport(sink.url, from);
  const letter = letterOf(locale);
  await transport.send(letter, signal());
  transport.close();
  const [mail] = sink.accepted;
  expect(mail?.subject).toBe(letter.subject);
  expect(mail?.text?.trim()).toBe(letter.text.trim());
  expect(mail?.html?.trim()).toBe(letter.html.trim());
  expect(mail?.from).toMatchObject(from);
  expect(mail?.to).toMatchObject([{ address: 'zoe@example.com' }]);
  expect(mail?.messageId).toBe('<00000000-0000-4000-8000-000000000001@example.com>');
  expect(new Date(mail?.date ?? '')).toEqual(new Date('2026-11-21T02:43:00Z'));
  const headers = Object.fromEntries(mail?.headers.map(({ key, value }) => [key, value]) ?? []);
  expect(headers).toMatchObject({ 'auto-submitted': 'auto-generated', 'content-language': letter.language });
});

test('an address is always a single recipient, whatever characters it has', async () => {
  const sink = await SmtpSink.start();
  const transport = createSmtpTransport(sink.url, from);
  await transport.send(letterOf('en', "o'neil+tag@example.com"), signal());
  expect(sink.recipients).toEqual(["o'neil+tag@example.com"]);
  await transport.send(letterOf('en', 'a@example.com, b@example.com'), signal()).catch(() => undefined);
  expect(sink.recipients).not.toContain('b@example.com');
  transport.close();
});

test.each([
  // It is sent as xn--mller-kva.example, but the sink shows domains in Unicode.
  ['max@müller.example', 'max@müller.example', false],
  ["a&b/c=d#e!f$g%h*i?j^k{l|m}n~o`p'q@example.com", "a&b/c=d#e!f$g%h*i?j^k{l|m}n~o`p'q@example.com", false],
  ['dörte@sörensen.example', 'dörte@sörensen.example', true],
  ['用户@xn--fsqu00a.xn--4rr70v', '用户@例子.广告', true],
])('a message to %s goes to %s, with SMTPUTF8: %s', async (to, recipient, international) => {
  const sink = await SmtpSink.start();
  const transport = createSmtpTransport(sink.url, from);
  await transport.send(letterOf('en', to), signal());
  transport.close();
  expect([sink.recipients, sink.international]).toEqual([[recipient], [international]]);
});

test.each([
  ['refuse-recipient', true],
  ['refuse-message', true],
  ['refuse-recipient-for-now', false],
  ['refuse-message-for-now', false],
  ['close-before-reply', false],
] as const)('%s counts as a permanent refusal: %s', async (behaviour, isRefusal) => {
  const sink = await SmtpSink.start();
  const transport = createSmtpTransport(sink.url, from);
  sink.behaviour = behaviour;
  const failure = await transport.send(letterOf('en'), signal()).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(failure instanceof MessageRefused).toBe(isRefusal);
  transport.close();
});

test('a wrong password in SMTP_URL is not blamed on the message', async () => {
  const sink = await SmtpSink.start();
  const transport = createSmtpTransport(sink.url.replace('//', '//user:wrong@'), from);
  const failure = await transport.send(letterOf('en'), signal()).catch((error: unknown) => error);
  expect(failure).not.toBeInstanceOf(MessageRefused);
  expect((failure as { code: string }).code).toBe('EAUTH');
  expect((failure as Error).message).not.toContain('wrong');
  transport.close();
});

test('without SMTP a message is a file that only its owner can read, and a second attempt writes the same file', async () => {
  const folder = path.join(await temporaryFolder(), 'data/mail');
  const transport = createFileTransport(folder, from);
  const letter = letterOf('de');
  await transport.send(letter, signal());
  await transport.send(letter, signal());
  const files = await readdir(folder);
  expect(files).toEqual(['20261121T024300123Z-00000000-0000-4000-8000-000000000001.eml']);
  const file = path.join(folder, files[0]!);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const mail = await PostalMime.parse(await readFile(file));
  expect(mail.subject).toBe(letter.subject);
  expect(mail.text?.trim()).toBe(letter.text.trim());
});

test.each([
  ['https://login.example.com', null, 'no-reply@login.example.com'],
  ['http://localhost:8000', null, 'no-reply@localhost'],
  ['http://127.0.0.1:8000', null, 'no-reply@[127.0.0.1]'],
  ['http://[::1]:8000', null, 'no-reply@[IPv6:::1]'],
  ['https://login.example.com', 'hello@example.org', 'hello@example.org'],
  ['https://login.example.com', 'hallo@müller.example', 'hallo@xn--mller-kva.example'],
])('at %s with mail.from %s the sender is %s', (publicUrl, address, expected) => {
  expect(senderOf({ name: 'Postern', publicUrl, mail: { from: address } })).toEqual({
    name: 'Postern',
    address: expected,
  });
});
