import { randomBytes, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { startPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { itemsOf } from './support/operators.ts';
import { verified } from './support/receiver.ts';
import { newPath, openWebhooks } from './support/webhooks.ts';

type Stage = Awaited<ReturnType<typeof openWebhooks>>;
let answers: Stage['answers'];
let receiver: Stage['receiver'];
let provider: Stage['provider'];
let owner: Stage['owner'];
let person: Stage['person'];
let webhook: Stage['webhook'];
let happen: Stage['happen'];
let finished: Stage['finished'];
let age: Stage['age'];
beforeAll(async () => {
  ({ answers, receiver, provider, owner, person, webhook, happen, finished, age } = await openWebhooks());
});

describe('a webhook message', () => {
  it('is signed by Standard Webhooks and contains ids only', async () => {
    const made = await webhook();
    await happen();
    await finished(made, 2);
    // Both are sent in parallel: either may arrive first.
    const first = made.received().find(({ body }) => body.includes('user.suspended'));
    const message = verified(first!, made.secret);
    expect(first!.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      'webhook-id': expect.stringMatching(/^[^.]+$/),
    });
    expect(message).toEqual({
      type: 'user.suspended',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        outcome: 'success',
        actor: { kind: 'system', id: null },
        subject: { id: person.id },
        client_id: null,
        door: 'system',
        request_id: null,
        changed: expect.any(Array),
        details: {},
      },
    });
    expect(first!.body).not.toContain(person.email);
    const event = await owner('GET', `/audit/${String(first!.headers['webhook-id'])}`);
    expect(event.body).toMatchObject({ type: 'user.suspended', at: message.timestamp });
    expect(() => verified(first!, `whsec_${randomBytes(32).toString('base64')}`)).toThrow('signature');
  });

  it('goes to the webhooks that subscribed to its type and are enabled', async () => {
    const all = await webhook({ event_types: ['*'] });
    const users = await webhook({ event_types: ['user.*'] });
    const roles = await webhook({ event_types: ['role.created'] });
    const off = await webhook({ event_types: ['*'] });
    await owner('POST', `/webhooks/${off.id}/disable`);
    const name = `hooked-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name });
    await happen();
    await finished(roles, 1);
    await finished(users, 2);
    expect(verified(roles.received()[0]!, roles.secret)).toMatchObject({
      type: 'role.created',
      data: { details: { role: name }, changed: ['description', 'permissions', 'scopes'] },
    });
    expect(new Set((await users.deliveries()).map(({ type }) => type))).toEqual(
      new Set(['user.suspended', 'user.reactivated']),
    );
    await until(async () => all.received().length >= 3);
    // The only event it got is that of its own creation.
    expect((await off.deliveries()).map(({ type }) => type)).toEqual(['webhook.created']);
    for (const { id } of [all, users, roles]) await owner('DELETE', `/webhooks/${id}`);
  });

  it('is not sent for a change that was rolled back', async () => {
    const made = await webhook();
    await expect(
      provider.operator.stores.inTransaction(async (tx) => {
        await provider.operator.stores.audit.record(
          { type: 'user.suspended', subject: person.id },
          systemActor,
          tx,
        );
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await made.deliveries()).toEqual([]);
  });
});

describe('a failed delivery', () => {
  it('is retried under the same id, with a new timestamp and signature', async () => {
    const path = newPath();
    answers.set(path, (res, count) => res.writeHead(count < 3 ? 500 : 200).end());
    const made = await webhook({ event_types: ['user.suspended'] }, path);
    await happen();
    await finished(made, 1);
    const received = made.received();
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    const times = received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(times[2]).toBeGreaterThan(times[0]!);
    for (const one of received) expect(verified(one, made.secret).type).toBe('user.suspended');
    expect(await made.deliveries()).toMatchObject([
      { status: 'delivered', attempts: 3, response_status: 200, error: null, next_attempt_at: null },
    ]);
  });

  it('is also a redirect, which is not followed', async () => {
    const [path, elsewhere] = [newPath(), newPath()];
    answers.set(path, (res) => res.writeHead(302, { location: receiver.url(elsewhere) }).end());
    const made = await webhook({ event_types: ['user.suspended'] }, path);
    await happen();
    await until(async () => (await made.deliveries())[0]?.['response_status'] === 302);
    expect(await made.deliveries()).toMatchObject([
      { status: 'waiting', error: expect.stringContaining('redirect') },
    ]);
    expect(receiver.at(elsewhere)).toEqual([]);
    await owner('DELETE', `/webhooks/${made.id}`);
  });

  it('delays no other webhook, however slow it is', async () => {
    const path = newPath();
    const held: ServerResponse[] = [];
    answers.set(path, (res) => void held.push(res));
    const slow = await Promise.all(
      Array.from({ length: 12 }, () => webhook({ event_types: ['user.suspended'] }, path)),
    );
    const quick = await webhook({ event_types: ['user.suspended'] });
    for (let round = 0; round < 5; round += 1) await happen();
    await finished(quick, 5);
    expect(held.length).toBeGreaterThanOrEqual(12);
    // Four deliveries to one address run in parallel, and the fifth waits.
    expect(held.length).toBeLessThanOrEqual(48);
    for (const { id } of slow) await owner('DELETE', `/webhooks/${id}`);
    for (const res of held) res.destroy();
  });

  it('is retried at the time that Retry-After names', async () => {
    const path = newPath();
    answers.set(path, (res) => res.writeHead(429, { 'retry-after': '600' }).end());
    const made = await webhook({ event_types: ['user.suspended'] }, path);
    await happen();
    await until(async () => (await made.deliveries())[0]?.['response_status'] === 429);
    const [delivery] = await made.deliveries();
    expect(Date.parse(String(delivery?.['next_attempt_at'])) - Date.now()).toBeGreaterThan(590_000);
    await happen();
    const [{ paused }] = (await provider.sql(
      "select paused_until > now() + interval '9 minutes' as paused from webhooks where id = $1",
      [made.id],
    )) as [{ paused: boolean }];
    expect({ paused, received: made.received().length }).toEqual({ paused: true, received: 1 });
    // A delivery that an operator requests is sent at once.
    answers.delete(path);
    await owner('POST', `/webhooks/${made.id}/deliveries/${String(delivery?.['id'])}/replay`);
    await finished(made, 2);
    await owner('DELETE', `/webhooks/${made.id}`);
  });

  it('disables the webhook after three days, and notifies the operators who can fix it', async () => {
    const [administrator, support] = [await provider.createPerson(), await provider.createPerson()];
    await provider.operator.accounts.update(
      administrator.id,
      { roles: ['user', 'administrator'] },
      systemActor,
    );
    await provider.operator.accounts.update(support.id, { roles: ['user', 'support'] }, systemActor);
    const path = newPath();
    answers.set(path, (res) => res.writeHead(503).end());
    const made = await webhook({ event_types: ['user.suspended'], description: 'CRM' }, path);
    await happen();
    await until(async () => (await made.deliveries())[0]?.['response_status'] === 503);
    await happen();
    await age(made.id, '3 days 1 minute');
    await until(async () => (await owner('GET', `/webhooks/${made.id}`)).body['enabled'] === false);
    expect((await owner('GET', `/webhooks/${made.id}`)).body).toMatchObject({
      disabled_reason: 'failing',
      disabled_at: expect.any(String),
      failing_since: expect.any(String),
    });
    expect((await made.deliveries()).map(({ status }) => status)).toEqual(['failed', 'failed']);
    const mails = await provider.sql("select cause from outbox where cause like 'webhook-disabled:%'");
    const told = mails.map(({ cause }) => String(cause)).filter((cause) => cause.includes(made.id));
    expect(told.map((cause) => cause.split(':').at(-1))).toEqual([administrator.id]);
    expect(itemsOf(await owner('GET', '/audit?type=webhook.disabled&limit=1'))[0]).toMatchObject({
      actor: { kind: 'system' },
      subject: { id: made.id },
      reason: 'failing',
      before: { enabled: true },
      after: { enabled: false },
    });
    // Nothing is queued for it meanwhile, and it can be enabled again.
    await happen();
    expect(await made.deliveries()).toHaveLength(2);
    answers.delete(path);
    expect(await owner('POST', `/webhooks/${made.id}/test`)).toMatchObject({
      status: 409,
      body: { code: 'webhook_disabled' },
    });
    expect(await owner('POST', `/webhooks/${made.id}/enable`)).toMatchObject({
      status: 200,
      body: { enabled: true, disabled_reason: null, failing_since: null },
    });
    const [failed] = await made.deliveries('?status=failed');
    const replayed = await owner('POST', `/webhooks/${made.id}/deliveries/${String(failed?.['id'])}/replay`);
    expect(replayed).toMatchObject({
      status: 202,
      body: { event_id: failed?.['event_id'], status: 'waiting' },
    });
    await until(async () => (await made.deliveries('?status=delivered')).length === 1);
    expect(made.received().at(-1)?.headers['webhook-id']).toBe(failed?.['event_id']);
  });

  it('of a single message gives up that message alone', async () => {
    const path = newPath();
    answers.set(path, (res, count) => res.writeHead(count === 1 ? 500 : 200).end());
    const made = await webhook({ event_types: ['user.suspended'] }, path);
    await happen();
    await until(async () => made.received().length >= 1);
    await finished(made, 1);
    answers.set(path, (res) => res.writeHead(500).end());
    await happen();
    await until(async () => (await made.deliveries('?status=waiting'))[0]?.['response_status'] === 500);
    await provider.sql("update webhooks set last_success_at = now() - interval '1 day' where id = $1", [
      made.id,
    ]);
    await age(made.id, '3 days 1 minute');
    await until(async () => (await made.deliveries('?status=failed')).length === 1);
    expect((await owner('GET', `/webhooks/${made.id}`)).body).toMatchObject({ enabled: true });
    await owner('DELETE', `/webhooks/${made.id}`);
  });

  it('with 410 disables the webhook at once', async () => {
    const path = newPath();
    answers.set(path, (res) => res.writeHead(410).end());
    const made = await webhook({ event_types: ['user.suspended'] }, path);
    await happen();
    await until(async () => (await owner('GET', `/webhooks/${made.id}`)).body['enabled'] === false);
    expect((await owner('GET', `/webhooks/${made.id}`)).body).toMatchObject({ disabled_reason: 'gone' });
    expect(made.received()).toHaveLength(1);
  });
});

it('a delivery survives its node, checks the address at each attempt, and is made by one node', async () => {
  const path = newPath();
  const held: ServerResponse[] = [];
  answers.set(path, (res) => void held.push(res));
  const made = await webhook({ event_types: ['user.suspended'] }, path);
  await happen();
  await until(() => held.length === 1);
  await provider.postern.stop('SIGKILL');
  await provider.operator.accounts.suspend(person.id, systemActor);
  /** Ages the leases of the lost node and the delays. */
  const hurry = async () => {
    await provider.sql('update webhooks set leased_until = now(), paused_until = now() where id = $1', [
      made.id,
    ]);
    await provider.sql(
      "update webhook_deliveries set due_at = now() where webhook_id = $1 and status = 'waiting'",
      [made.id],
    );
  };
  const count = async (condition: string) =>
    (
      await provider.sql(
        `select count(*)::int as n from webhook_deliveries where webhook_id = $1 and ${condition}`,
        [made.id],
      )
    )[0]?.['n'];
  const { PORT: _port, PUBLIC_URL: _url, ...env } = provider.postern.env;
  const { CONFIG_FILE: _settings, ...strict } = env;

  await hurry();
  const other = await startPostern({ env: strict });
  await until(async () => (await count("error like 'not a public%'")) === 2);
  await other.stop();
  expect(made.received()).toHaveLength(1);

  await hurry();
  answers.delete(path);
  await Promise.all([startPostern({ env }), startPostern({ env })]);
  await until(async () => (await count("status = 'delivered'")) === 2);
  const ids = made.received().map(({ headers }) => headers['webhook-id']);
  expect(ids).toHaveLength(3);
  expect(new Set(ids).size).toBe(2);
});
