/** When a requested view may begin, and when views are disabled. */
import { beforeAll, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { callAs } from '../api/support/operators.ts';
import { openLoginRequests } from '../oidc/support/ciba.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { until } from '../support/until.ts';
import { giveRoles, openDesk, viewed } from './support/desk.ts';

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  await provider.operator.roles.create(shellOperator(systemActor), {
    name: 'viewer',
    permissions: ['users:read', 'users:impersonate'],
  });
});

const desk = () => openDesk(provider, 'Ticket 4711', []);

/** How many views of a person have begun. */
const begun = async ({ id }: Person) =>
  (await provider.sql("select from audit_events where subject = $1 and type = 'impersonation.started'", [id]))
    .length;

it('a view does not begin by the link of an operator who has lost the role since', async () => {
  const { agent, ask, operator } = await desk();
  const person = await provider.createPerson();
  const { body } = await ask(person);
  await giveRoles(provider, operator, []);
  expect([(await agent.open(String(body['url']))).status, await begun(person)]).toEqual([403, 0]);
});

it('views end, and begin no more, once they are disabled', async () => {
  const [owner, viewing, waiting] = [await callAs(provider, 'owner'), await desk(), await desk()];
  const person = await provider.createPerson();
  await viewing.view(person);
  const { body } = await waiting.ask(person);
  await owner('PATCH', '/settings', { 'impersonation.enabled': false });
  await until(async () => (await waiting.ask(person)).status === 403);
  expect(viewed(await viewing.agent.open('/account'))).toBe(false);
  const late = await waiting.agent.open(String(body['url']));
  expect([late.status, await begun(person)]).toEqual([403, 1]);
  await owner('PATCH', '/settings', { 'impersonation.enabled': null });
  await until(async () => (await waiting.ask(person)).status === 200);
});

it('a setting requires that every person is asked first', async () => {
  const [owner, { ask }] = [await callAs(provider, 'owner'), await desk()];
  const person = await provider.createPerson();
  await owner('PATCH', '/settings', { 'impersonation.askFirst': true });
  await until(async () => (await ask(person)).status === 202);
  await owner('PATCH', '/settings', { 'impersonation.askFirst': null });
  await until(async () => (await ask(person)).status === 200);
});

it('a request is answered by its person alone', async () => {
  const { ask } = await desk();
  const [person, stranger] = [await provider.createPerson(), await provider.createPerson()];
  await ask(person, { ask_first: true });
  const mine = await openLoginRequests(provider, person);
  const { agent, page } = await openLoginRequests(provider, stranger);
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
  const html = mine.page.html.replaceAll(/name="csrf" value="[^"]+"/g, `name="csrf" value="${csrf}"`);
  for (const answer of ['/approve', '/deny']) {
    const form = { ...page, html: html.replaceAll('/approve"', `${answer}"`) };
    expect((await agent.submit(form, {}, answer)).status).toBe(400);
  }
  expect((await mine.agent.submit(mine.page, {}, '/approve')).status).toBe(200);
});

it('an approval is asked for again once it has expired', async () => {
  const { ask } = await desk();
  const person = await provider.createPerson();
  const again = async () => {
    const { status, body } = await ask(person, { ask_first: true });
    return { status, id: String(body['id']) };
  };
  const { id } = await again();
  await provider.operator.impersonation.answer(person.id, id, true, systemActor);
  expect(await again()).toEqual({ status: 200, id });
  await provider.sql('update impersonations set expires_at = now() where id = $1', [id]);
  expect(await again()).toEqual({ status: 202, id: expect.not.stringMatching(id) });
});
