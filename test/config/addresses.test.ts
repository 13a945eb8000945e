import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { type ConfigError, loadConfig } from '../../src/config/index.ts';
import { temporaryFolder } from '../support/cleanup.ts';

const load = async (settings: object, env: Record<string, string> = {}) => {
  const CONFIG_FILE = path.join(await temporaryFolder(), 'settings.yaml');
  await writeFile(CONFIG_FILE, JSON.stringify(settings));
  return loadConfig({ CONFIG_FILE, ...env });
};

test('the contact for security.txt is an email address or a URI, or several of them', async () => {
  const contacts = async (contact: unknown) => (await load({ securityTxt: { contact } })).securityTxt.contact;
  expect(await contacts(null)).toEqual([]);
  expect(await contacts('security+a&b@müller.example')).toEqual([
    'mailto:security%2Ba%26b@xn--mller-kva.example',
  ]);
  expect(await contacts(['https://example.com/report', 'tel:+49-30-123456'])).toEqual([
    'https://example.com/report',
    'tel:+49-30-123456',
  ]);
  for (const bad of ['http://example.com', 'nobody', 'https://a b', 'https://example.com\nContact: x', 7])
    await expect(contacts(bad)).rejects.toMatchObject({ name: 'ConfigError' } satisfies Partial<ConfigError>);
});

test('the first administrator and the mail sender may have internationalized addresses', async () => {
  const mail = { from: 'hallo@müller.example' };
  const config = await load({ mail }, { ADMIN_EMAIL: 'dörte@sörensen.example' });
  expect([config.mail.from, config.admin.email]).toEqual([mail.from, 'dörte@sörensen.example']);
  await expect(load({ mail: { from: 'me@localhost' } })).rejects.toThrow('mail.from');
});
