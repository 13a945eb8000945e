import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import Koa from 'koa';
import { createDevMail } from '../../src/http/dev-mail.ts';
import { createFileTransport } from '../../src/mail/transport.ts';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import { sampleOf } from '../../src/mail/samples.ts';
import { launchBrowser } from '../support/browser.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { settings } from './settings.ts';

async function open() {
  const folder = path.join(await temporaryFolder(), 'mail');
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    server.close();
    server.closeAllConnections();
  });
  const publicUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = new Koa().use(createDevMail({ folder, publicUrl, production: false }));
  server.on('request', app.callback());
  const transport = createFileTransport(folder, { name: 'Postern', address: 'no-reply@example.com' });
  const render = createMessageRenderer({ ...settings, publicUrl });
  const write = (id: string, html?: string) => {
    const rendered = render({ ...sampleOf('password-reset', 'de'), person: '<b>Zoë</b>' });
    const letter = { ...rendered, ...(html === undefined ? {} : { html }), id, to: 'zoe@example.com' };
    return transport.send({ ...letter, date: new Date() }, AbortSignal.timeout(10_000));
  };
  return { folder, publicUrl, write };
}

test('development mail is refused in production', () => {
  expect(() =>
    createDevMail({ folder: '/tmp', publicUrl: 'https://login.example.com', production: true }),
  ).toThrow('development only');
});

test('development mail lists messages and shows each of them', async () => {
  const { publicUrl, write } = await open();
  const empty = await fetch(`${publicUrl}/dev/mail`);
  expect(empty.status).toBe(200);
  expect(await empty.text()).toContain('There is none yet');
  await write('one');
  const list = await fetch(`${publicUrl}/dev/mail`);
  expect(list.headers.get('content-security-policy')).toContain("default-src 'none'");
  const [, id] = /href="\/dev\/mail\/([\w-]+)"/.exec(await list.text()) ?? [];
  const page = await (await fetch(`${publicUrl}/dev/mail/${id}`)).text();
  expect(page).toContain('Setzen Sie Ihr Passwort zurück');
  expect(page).toContain('&lt;b&gt;Zoë&lt;/b&gt;');
  expect(page).toContain(`<a href="${publicUrl}/reset-password?token=S4mpleT0kenS4mpleT0ken_-">`);
  const html = await fetch(`${publicUrl}/dev/mail/${id}/html`);
  expect(html.headers.get('content-security-policy')).toMatch(/default-src 'none';.*sandbox/);
  expect(await html.text()).toContain('<!doctype html>');
  const source = await fetch(`${publicUrl}/dev/mail/${id}/source`);
  expect(source.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await source.text()).toMatch(/^From: Postern <no-reply@example\.com>/m);
});

test.each([
  'nothing',
  '..%2f..%2fsecret',
  '%00',
  'style.css%2f',
  'nothing/html',
  'nothing/source',
  'nothing/else',
])('development mail does not find %s', async (id) => {
  const { folder, publicUrl, write } = await open();
  await write('one');
  await writeFile(path.join(folder, '../secret.eml'), 'Subject: secret\r\n\r\nsecret');
  const response = await fetch(`${publicUrl}/dev/mail/${id}`);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
});

test('development mail shows a message in a browser without running anything in it', async () => {
  const { publicUrl, write } = await open();
  await write(
    'hostile',
    `<p id="said">A message</p><script>top.document.title = 'taken'</script>
     <img src="${publicUrl}/dev/mail/style.css" onerror="top.document.title = 'taken'">`,
  );
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${publicUrl}/dev/mail`);
  await page.getByRole('link', { name: 'Setzen Sie Ihr Passwort zurück' }).click();
  const message = page.frameLocator('iframe');
  await message.getByText('A message').waitFor();
  expect(await page.title()).toBe('Setzen Sie Ihr Passwort zurück');
  const image = await message
    .locator('img')
    .evaluate((element) => (element as { naturalWidth?: number }).naturalWidth)
    .catch(() => 0);
  expect(image).toBe(0);
});
