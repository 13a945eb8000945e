import { describe, expect, test } from '@jest/globals';
import { audit } from '../../src/storage/audit.ts';
import { at, errorOf, newEmail, openDomain, openStores, operator } from './harness.ts';

const newAdmin = async ({ accounts }: Awaited<ReturnType<typeof openDomain>>) =>
  accounts.create({ email: newEmail(), roles: ['admin'] }, operator);

describe('the first administrator', () => {
  test('is created once by nodes that start in parallel, and can log in', async () => {
    const stores = openStores();
    const nodes = await Promise.all(Array.from({ length: 5 }, () => openDomain({}, stores)));
    const made = (await Promise.all(nodes.map(({ accounts }) => accounts.ensureFirstAdmin({})))).filter(
      Boolean,
    );
    expect(made).toHaveLength(1);
    const { user, password } = made[0]!;
    expect(user).toMatchObject({ username: 'admin', roles: ['user', 'admin', 'owner'] });
    expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}$/);
    await nodes[0]!.login({ identifier: 'admin', password, actor: at('203.0.113.1') });
    await nodes[0]!.login({ email: user.email, password, actor: at('203.0.113.1') });
    expect(await nodes[1]!.accounts.ensureFirstAdmin({ email: newEmail() })).toBeNull();
    const events = await audit.list({ limit: 10, subject: user.id });
    expect(events.at(-1)).toMatchObject({ type: 'user.created', actor: { kind: 'system' } });
    expect(JSON.stringify(events)).not.toContain(password);
  });

  test('has the configured address and password', async () => {
    const domain = await openDomain();
    const email = newEmail();
    expect(await errorOf(domain.accounts.ensureFirstAdmin({ email, password: 'password1' }))).toMatchObject({
      code: 'weak_password',
    });
    const made = await domain.accounts.ensureFirstAdmin({ email, password: 'chosen by the operator' });
    expect(made).toMatchObject({ user: { email }, password: null });
    await domain.login({ email, password: 'chosen by the operator', actor: at(null) });
  });

  test('is the existing account with that address', async () => {
    const { accounts } = await openDomain();
    const { id, email } = await accounts.create({ email: newEmail(), username: 'admin' }, operator);
    expect(await accounts.ensureFirstAdmin({ email })).toMatchObject({
      user: { id, roles: ['user', 'admin', 'owner'] },
      password: null,
    });
  });

  test('gets no username if admin is taken', async () => {
    const { accounts } = await openDomain();
    await accounts.create({ email: newEmail(), username: 'Admin' }, operator);
    expect(await accounts.ensureFirstAdmin({})).toMatchObject({ user: { username: null } });
  });
});

describe('the last administrator', () => {
  const ways = [
    ['removed', 'remove'],
    ['suspended', 'suspend'],
    ['demoted', 'demote'],
  ] as const;
  const act = (
    { accounts }: Awaited<ReturnType<typeof openDomain>>,
    way: string,
    id: string,
  ): Promise<unknown> => {
    if (way === 'remove') return accounts.remove(id, operator);
    if (way === 'suspend') return accounts.suspend(id, operator);
    return accounts.update(id, { roles: ['user'] }, operator);
  };

  test.each(ways)('cannot be %s', async (_, way) => {
    const domain = await openDomain();
    const admin = await newAdmin(domain);
    await domain.accounts.suspend(
      (await domain.accounts.create({ email: newEmail() }, operator)).id,
      operator,
    );
    expect(await errorOf(act(domain, way, admin.id))).toEqual({ code: 'last_admin' });
    expect(await errorOf(act(domain, way, admin.id.toUpperCase()))).toEqual({ code: 'last_admin' });
    expect(await domain.accounts.find(admin.id)).toEqual(admin);
    const second = await newAdmin(domain);
    await act(domain, way, admin.id);
    expect(await errorOf(act(domain, way, second.id))).toEqual({ code: 'last_admin' });
  });

  test('cannot be lost by parallel changes of any kind', async () => {
    const domain = await openDomain();
    const admins = await Promise.all(Array.from({ length: 9 }, () => newAdmin(domain)));
    const outcomes = await Promise.all(
      admins.map(({ id }, index) => errorOf(act(domain, ways[index % 3]![1], id))),
    );
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(8);
    expect(outcomes.filter(({ code }) => code === 'last_admin')).toHaveLength(1);
  });
});
