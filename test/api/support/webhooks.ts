import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { systemActor } from '../../../src/core/actor.ts';
import { startProvider } from '../../oidc/support/provider.ts';
import { until } from '../../support/until.ts';
import { callAs, idOf, itemsOf } from './operators.ts';
import { type Received, startReceiver } from './receiver.ts';

export interface CreatedWebhook {
  id: string;
  path: string;
  secret: string;
  received(): Received[];
  deliveries(query?: string): Promise<Record<string, unknown>[]>;
}

export const newPath = () => `/${randomUUID()}`;

/** A server that may call 127.0.0.1 and no other local address, and a receiver there. */
export async function openWebhooks() {
  /** The reply of each path: 204 unless it is listed here. */
  const answers = new Map<string, (res: ServerResponse, count: number) => void>();
  const receiver = await startReceiver((res, { path }, count) => {
    const answer = answers.get(path);
    if (answer) answer(res, count);
    else res.writeHead(204).end();
  });
  const provider = await startProvider({
    stores: 'PostgreSQL',
    settings: { outbound: { allow: ['127.0.0.1'] } },
  });
  const owner = await callAs(provider, 'owner');
  const person = await provider.createPerson();
  return {
    answers,
    receiver,
    provider,
    owner,
    person,
    async webhook(more: object = {}, path = newPath()): Promise<CreatedWebhook> {
      const made = await owner('POST', '/webhooks', {
        url: receiver.url(path),
        event_types: ['user.suspended', 'user.reactivated'],
        ...more,
      });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      const id = idOf(made);
      return {
        id,
        path,
        secret: String(made.body['secret']),
        received: () => receiver.at(path),
        deliveries: async (query = '') => itemsOf(await owner('GET', `/webhooks/${id}/deliveries${query}`)),
      };
    },
    /** Causes one event `user.suspended` and one `user.reactivated`. */
    async happen(): Promise<void> {
      await provider.operator.accounts.suspend(person.id, systemActor);
      await provider.operator.accounts.reactivate(person.id, systemActor);
    },
    /** Waits until `count` deliveries are finished. @returns all of them. */
    async finished({ deliveries }: CreatedWebhook, count: number) {
      await until(
        async () => (await deliveries()).filter(({ status }) => status !== 'waiting').length >= count,
      );
      return deliveries();
    },
    /** Ages what waits by `interval`. */
    age: (id: string, interval: string) =>
      provider.sql(
        `update webhook_deliveries set created_at = created_at - $2::interval, due_at = now()
         where webhook_id = $1 and status = 'waiting'`,
        [id, interval],
      ),
  };
}
