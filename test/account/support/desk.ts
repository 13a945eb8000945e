import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import { type App, connect } from '../../api/support/client.ts';
import type { Person, Provider } from '../../oidc/support/provider.ts';
import { type Page, UserAgent } from '../../oidc/support/user-agent.ts';

export const giveRoles = ({ operator }: Provider, { id }: Person, roles: readonly string[]) =>
  operator.assignments.setRoles(shellOperator(systemActor), id, ['user', ...roles]);

/** An operator with a browser and a token. */
export interface Desk {
  operator: Person;
  agent: UserAgent;
  app: App;
  ask(person: Person, more?: object): ReturnType<App['call']>;
  /** Starts a view in the operator's browser. */
  view(person: Person): Promise<Page>;
}

/** @param reason why it views. @param roles `viewer` unless given. */
export async function openDesk(provider: Provider, reason: string, roles: readonly string[]): Promise<Desk> {
  const operator = await provider.createPerson();
  await giveRoles(provider, operator, roles.length > 0 ? roles : ['viewer']);
  const agent = new UserAgent(provider.url);
  const client = await provider.createClient({ scope: 'openid users:read users:impersonate' });
  const app = await connect(provider, operator, 'users:read users:impersonate', { client, agent });
  const ask = (person: Person, more = {}) =>
    app.call('POST', `/users/${person.id}/impersonate`, { reason, ...more });
  return {
    operator,
    agent,
    app,
    ask,
    async view(person) {
      const { body } = await ask(person);
      return agent.open(String(body['url']));
    },
  };
}

export const csrfOf = ({ html }: Page): string => /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
export const viewed = ({ html }: Page): boolean => html.includes('class="viewing"');
export const end = (agent: UserAgent, page: Page) => agent.submit(page, {}, '/account/view-as/end');
