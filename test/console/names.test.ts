/** Right-to-left names and names of the maximum length don't make a page wider than the screen. */
import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { enterConsole, type Operator, tabOf } from './support/operators.ts';

const NAMES = {
  'from right to left': 'عبد الرحمن بن محمد الأندلسي‏',
  'of 200 characters in words': 'Maximiliane Friederike '.repeat(9).slice(0, 200).trim(),
  'of 200 characters in one word': 'W'.repeat(200),
};
const WIDTHS = [320, 360, 1280];

let provider: Provider;
let owner: Operator;
let tab: Page;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  const [entered, browser] = await Promise.all([enterConsole(provider, 'owner'), launchBrowser()]);
  owner = entered;
  tab = await tabOf(browser, owner);
});

test.each(Object.entries(NAMES))('no page is wider than the screen with names %s', async (_, name) => {
  const { operator } = provider;
  const shell = shellOperator(systemActor);
  const person = await provider.createPerson();
  await operator.accounts.update(person.id, { name }, systemActor);
  const group = await operator.groups.create(shell, { name: name.slice(0, 100), roles: ['support'] });
  await operator.groups.add(shell, group.id, person.id);
  const { client } = await operator.clients.create(shell, {
    name: name.slice(0, 100),
    isPublic: false,
    metadata: { redirect_uris: [`https://${'shop.'.repeat(30)}example.test/${'callback/'.repeat(60)}`] },
  });
  const [event] = await provider.sql(
    "select id from audit_events where type = 'group.member_added' and subject = $1",
    [person.id],
  );
  for (const page of [
    '/users',
    `/users/${person.id}`,
    `/users/${person.id}/suspend`,
    `/users/${person.id}/delete`,
    '/groups',
    `/groups/${group.id}`,
    '/roles/support',
    '/clients',
    `/clients/${client.id}`,
    '/audit',
    `/audit/${String(event?.['id'])}`,
    `/search?q=${encodeURIComponent(name.slice(0, 20))}`,
  ]) {
    await tab.goto(`${provider.url}/admin${page}`);
    for (const width of WIDTHS) {
      await tab.setViewportSize({ width, height: 900 });
      const is = await tab.evaluate('document.documentElement.scrollWidth');
      expect({ page, width, is }).toEqual({ page, width, is: width });
    }
  }
});
