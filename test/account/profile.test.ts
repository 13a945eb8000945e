import { beforeAll, expect, test } from '@jest/globals';
import { signIn } from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
});

/** Signs in without an app. */
async function enter({ email, password }: Person): Promise<UserAgent> {
  const agent = new UserAgent(provider.url);
  await agent.submit(await agent.open('/account'), { identifier: email, password }, '/sign-in');
  return agent;
}

test('the profile is changed, and each invalid value is reported at its field', async () => {
  const person = await provider.createPerson();
  const agent = await enter(person);
  const page = await agent.open('/account/profile');
  const bad = await agent.submit(page, { name: 'Ada', username: '!' }, '/account/profile');
  expect([bad.status, bad.html.includes('id="username-error"')]).toEqual([400, true]);
  const values = { name: 'Countess', givenName: 'Ada', familyName: '', username: '', locale: 'de' };
  const done = await agent.submit(page, values, '/account/profile');
  expect(done.html).toContain('Your profile is saved');
  expect(await provider.operator.accounts.find(person.id)).toMatchObject({
    name: 'Countess',
    givenName: 'Ada',
    familyName: null,
    username: null,
    locale: 'de',
  });
});

test('all mistakes in a profile are reported together, in the order of the form, and the input is kept', async () => {
  const person = await provider.createPerson();
  const agent = await enter(person);
  const values = {
    nickname: 'Ada',
    birthdate: '10.12.1815',
    username: '!',
    picture: 'http://example.com/ada.png',
    phoneNumber: '020 7946 0958',
    street_address: '12 St James’s Square\r\nFlat 2',
    country: 'x'.repeat(201),
  };
  const page = await agent.open('/account/profile');
  const bad = await agent.submit(page, values, '/account/profile');
  const summary = /role="alert"(.*?)<\/div>\n<\/div>/s.exec(bad.html)?.[1] ?? '';
  const named = [...summary.matchAll(/href="#(\w+)"/g)].map(([, name]) => name);
  expect(named).toEqual(['username', 'birthdate', 'picture', 'phoneNumber', 'country']);
  for (const name of named) expect(bad.html).toContain(`id="${name}-error"`);
  expect(bad.html).toContain('value="10.12.1815"');
  expect(bad.html).toContain('12 St James’s Square\nFlat 2</textarea>');
  expect((await provider.operator.accounts.find(person.id))?.nickname).toBeNull();

  const right = {
    ...values,
    birthdate: '1815-12-10',
    username: person.username,
    picture: '',
    phoneNumber: '+44 20 7946 0958',
    country: 'United Kingdom',
    zoneinfo: 'Europe/London',
  };
  const done = await agent.submit(bad, right, '/account/profile');
  expect(done.html).toContain('Your profile is saved');
  expect(done.html).toMatch(/<option selected>Europe\/London<\/option>/);
  expect(await provider.operator.accounts.find(person.id)).toMatchObject({
    name: 'Ada Lovelace',
    birthdate: '1815-12-10',
    phoneNumber: '+442079460958',
    zoneinfo: 'Europe/London',
    address: { street_address: '12 St James’s Square\nFlat 2', country: 'United Kingdom' },
  });
});

test('the account’s history is shown in plain words and can be downloaded', async () => {
  const person = await provider.createPerson();
  const agent = await enter(person);
  await enter({ ...person, password: 'wrong' });
  await enter({ ...person, password: 'wrong' });
  const client = await provider.createClient();
  await signIn(provider, client, person);
  const { html } = await agent.open('/account/activity');
  const lines = [...html.matchAll(/<p class="item-name">(.*?)<\/p>/g)].map(([, line = '']) =>
    line.replaceAll(/<\/?(?:bdi|span)[^>]*>/g, ''),
  );
  expect(lines).toEqual([
    'You allowed an app to use your account: Test client',
    'You signed in: Test client',
    'A sign-in failed 2 times',
    'You signed in',
    'Your account was created',
  ]);
  const overview = await agent.open('/account');
  expect(overview.html.match(/<p class="item-name">/g)).toHaveLength(3);
  expect(overview.html).toContain('A sign-in failed <span class="badge">2 times</span>');
  const today = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeZone: 'UTC' }).format(new Date());
  expect(html).toContain(`>${today}</h2>`);
  const download = await agent.open('/account/data/download');
  expect(download.headers.get('content-disposition')).toContain('account.json');
  const data = JSON.parse(download.html) as { account: object };
  expect(data.account).toMatchObject({ id: person.id, email: person.email });
  expect(download.html).not.toMatch(/hash|secret|emailKey|usernameKey|deletedAt/i);
});
