import type { Browser, Page as Tab } from 'playwright-core';
import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import type { Person, Provider } from '../../oidc/support/provider.ts';
import { type Page, UserAgent } from '../../oidc/support/user-agent.ts';

/** An operator who is signed in to the console. */
export interface Operator {
  person: Person;
  agent: UserAgent;
  /** Opens a page of the console by its path below /admin. */
  open(path?: string): Promise<Page>;
  /** Opens a page and sends the form whose action contains `form`. */
  send(path: string, form: string, values?: Record<string, string>): Promise<Page>;
}

/** A person with `roles`. */
export async function createOperator(provider: Provider, ...roles: string[]): Promise<Person> {
  const person = await provider.createPerson();
  await provider.operator.assignments.setRoles(shellOperator(systemActor), person.id, roles);
  return person;
}

/** Signs in at /admin. @returns the page that follows. */
export async function signInAt(
  provider: Pick<Provider, 'url'>,
  { email, password }: Person,
  path = '/admin',
  agent = new UserAgent(provider.url),
): Promise<Page> {
  return agent.submit(await agent.open(path), { identifier: email, password }, '/sign-in');
}

/** A person with `roles`, signed in to the console. */
export async function enterConsole(provider: Provider, ...roles: string[]): Promise<Operator> {
  const person = await createOperator(provider, ...roles);
  const agent = new UserAgent(provider.url);
  await signInAt(provider, person, '/admin', agent);
  const open = (path = '') => agent.open(`/admin${path}`);
  return {
    person,
    agent,
    open,
    send: async (path, form, values = {}) => agent.submit(await open(path), values, form),
  };
}

/** A tab with the cookies of a signed-in operator. */
export async function tabOf(browser: Browser, { agent }: Operator): Promise<Tab> {
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  const paths = new Map<string, string>();
  for (const path of ['/', '/admin'])
    for (const pair of agent.cookies(path).split('; ')) paths.set(pair, paths.get(pair) ?? path);
  await context.addCookies(
    [...paths].map(([pair, path]) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), domain: 'localhost', path };
    }),
  );
  return context.newPage();
}
