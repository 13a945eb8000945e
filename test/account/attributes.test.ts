import { beforeAll, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import { decodeJwt } from 'jose';
import { signIn } from '../oidc/support/flow.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { launchBrowser } from '../support/browser.ts';

const person = ['person', 'operator'];
const attributes = {
  type: 'object',
  properties: {
    badge: {
      type: 'string',
      title: 'Badge number',
      titles: { de: 'Ausweisnummer' },
      description: 'Two letters and four digits.',
      pattern: '^[A-Z]{2}\\d{4}$',
      write: person,
      scope: 'profile',
    },
    size: { type: 'string', title: 'Shirt size', enum: ['S', 'M', 'L'], write: person, scope: 'profile' },
    vegetarian: { type: 'boolean', title: 'Vegetarian', write: person, scope: 'profile' },
    since: { type: 'string', format: 'date', title: 'With us since', scope: 'profile' },
    note: { type: 'string', title: 'Secret note', read: ['operator'] },
  },
  required: ['badge'],
};

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider({
    stores: 'PostgreSQL',
    settings: { attributes, registration: { open: true, verifyEmail: false } },
  });
});

test('an attribute from the configuration appears on the profile, can be changed there and becomes a claim', async () => {
  const browser = await launchBrowser();
  const page = await (await browser.newContext({ locale: 'en' })).newPage();
  const email = 'ada@example.test';
  const password = 'three unrelated words';
  await page.goto(`${provider.url}/register`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Username').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill(password);
  expect(await page.getByLabel('Shirt size').count()).toBe(0);
  await page.getByLabel('Badge number').fill('wrong');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('link', { name: 'Badge number' }).click();
  expect(await page.getByLabel('Badge number').inputValue()).toBe('wrong');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('Badge number').fill('AB1234');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL(({ pathname }) => pathname !== '/register');

  await page.goto(`${provider.url}/account/profile`);
  expect(await page.getByLabel('Badge number').inputValue()).toBe('AB1234');
  expect(await page.getByText('Secret note').count()).toBe(0);
  expect(await page.getByLabel('With us since').getAttribute('readonly')).toBe('');
  await page.getByLabel('Shirt size').selectOption('M');
  await page.getByLabel('Vegetarian').selectOption('Yes');
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  expect(violations.map(({ id }) => id)).toEqual([]);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Your profile is saved').waitFor();
  expect(await page.getByLabel('Vegetarian').inputValue()).toBe('true');

  const account = await provider.operator.accounts.findByEmail(email);
  expect(account?.attributes).toEqual({ badge: 'AB1234', size: 'M', vegetarian: true });
  const client = await provider.createClient();
  const { id_token } = await signIn(provider, client, {
    id: account?.id ?? '',
    email,
    username: 'ada',
    password,
  });
  expect(decodeJwt(id_token)).toMatchObject({ badge: 'AB1234', size: 'M', vegetarian: true });
});

test('a form cannot change attributes that the person may not change or see', async () => {
  const someone = await provider.createPerson();
  const agent = new UserAgent(provider.url);
  await agent.submit(
    await agent.open('/account'),
    { identifier: someone.email, password: someone.password },
    '/sign-in',
  );
  const page = await agent.open('/account/profile');
  const done = await agent.submit(
    page,
    {
      username: someone.username,
      attribute_badge: 'XY0001',
      attribute_since: '2020-01-01',
      attribute_note: 'mine',
      attribute_nothing: 'x',
      attribute___proto__: 'x',
    },
    '/account/profile',
  );
  expect(done.html).toContain('Your profile is saved');
  expect((await provider.operator.accounts.find(someone.id))?.attributes).toEqual({ badge: 'XY0001' });
  const bad = await agent.submit(
    done,
    { username: someone.username, attribute_badge: '', attribute_size: 'XXL' },
    '/account/profile',
  );
  expect([bad.status, bad.html.includes('This is required')]).toEqual([400, true]);
  expect(bad.html).toContain('id="attribute_size-error"');
});
