import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

it('an account shows where it came from, at its resource and in its export', async () => {
  const person = await provider.createPerson();
  await provider.sql(
    `insert into imported_accounts (source, source_id, account_id, record_digest, run, created_at)
     values ('shop', '4711', $1, 'none', gen_random_uuid(), '2026-01-02T03:04:05Z')`,
    [person.id],
  );
  const origins = [{ source: 'shop', source_id: '4711', imported_at: '2026-01-02T03:04:05.000Z' }];
  expect((await owner('GET', `/users/${person.id}`)).body).toMatchObject({ id: person.id, origins });
  expect((await owner('GET', `/users/${person.id}/data`)).body).toMatchObject({ origins });
  const { id } = await provider.createPerson();
  expect((await owner('GET', `/users/${id}`)).body).toMatchObject({ origins: [] });
});

describe('the list of accounts', () => {
  it('is paged by cursors that are valid for one query', async () => {
    const tag = randomUUID().slice(0, 8);
    for (let number = 0; number < 5; number += 1)
      await provider.operator.accounts.create(
        { email: `page${number}-${tag}@example.test`, password: 'three unrelated words' },
        systemActor,
      );
    const first = await owner('GET', `/users?search=${tag}&limit=2&count=true&sort=email`);
    expect(first.body).toMatchObject({ count: 5, count_capped: false });
    const seen = itemsOf(first);
    let cursor = first.body['next_cursor'];
    // Add an account before the current position: it is not shown, and nothing is shown twice.
    await provider.operator.accounts.create(
      { email: `pag-${tag}@example.test`, password: 'three unrelated words' },
      systemActor,
    );
    while (typeof cursor === 'string') {
      const next = await owner('GET', `/users?search=${tag}&limit=2&sort=email&cursor=${cursor}`);
      seen.push(...itemsOf(next));
      expect(await owner('GET', `/users?search=${tag}x&limit=2&sort=email&cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_cursor' },
      });
      cursor = next.body['next_cursor'];
    }
    expect(seen.map(({ email }) => email)).toEqual(
      [0, 1, 2, 3, 4].map((n) => `page${n}-${tag}@example.test`),
    );
  });

  it('finds by any part of a name, by id and by number, and accepts every filter', async () => {
    const person = await provider.createPerson();
    const { body } = await owner('GET', `/users/${person.id}`);
    const finds = async (query: string) =>
      itemsOf(await owner('GET', `/users?limit=100&${query}`)).some(({ id }) => id === person.id);
    for (const query of [
      `search=${person.username.slice(4, 10)}`,
      `search=${person.username.slice(0, 2).toUpperCase()}`,
      'search=ADA%20LOVE',
      `search=${person.id.toUpperCase()}`,
      `search=${String(body['number'])}`,
      'status=active&status=suspended',
      'role=user&role=nothing',
      'factor=none',
      'email_verified=true',
      `created_after=${encodeURIComponent('2020-01-01T00:00:00+02:00')}`,
      'sort=-last_login_at',
      'sort=number',
    ])
      expect([query, await finds(query)]).toEqual([query, true]);
    for (const query of [
      'search=%25',
      'search=___',
      'status=suspended',
      'role=nothing',
      'factor=totp&factor=passkey',
      'email_verified=false',
      'door=gateway',
      'created_before=2020-01-01T00:00:00Z',
      'last_login_after=2020-01-01T00:00:00Z',
      `group=${randomUUID()}`,
    ])
      expect([query, await finds(query)]).toEqual([query, false]);
    for (const query of [
      'sort=password_hash',
      'colour=red',
      'constructor=1',
      'limit=0',
      'limit=101',
      'limit=1e1',
      'cursor=x',
      'cursor=',
      'status=deleted',
      'created_after=yesterday',
      'group=x',
      `search=${'x'.repeat(300)}`,
      'search=%00',
    ])
      expect([query, (await owner('GET', `/users?${query}`)).status]).toEqual([query, 400]);
  });
});
