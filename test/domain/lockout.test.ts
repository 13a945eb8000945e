import { describe, expect, test } from '@jest/globals';
import { type KnownDevice, withDevice } from '../../src/domain/known-devices.ts';
import { sha256 } from '../../src/core/ids.ts';
import { at, errorOf, newEmail, openDatabase, openDomain, openStores } from './harness.ts';

const PASSWORD = 'the right password';
const IP = '203.0.113.7';

/** The key of the wait for `ip` on an account. Deleting it ends the wait. */
const waitKey = (subject: string, ip: string) => `lockout:wait:${sha256(`${subject}\n${ip}`)}`;

const database = openDatabase();

describe.each(['postgres', 'redis'] as const)('guessing passwords, counted in %s,', (kind) => {
  const stores = openStores(kind, database);
  const domain = openDomain({}, stores);

  const guess = async (email: string, ip = IP, password: unknown = 'a wrong password') => {
    const { login } = await domain;
    return errorOf(login({ email, password, actor: at(ip) }));
  };
  const codes = async (...guesses: Promise<Record<string, unknown>>[]) =>
    (await Promise.all(guesses)).map(({ code }) => code as string);
  const account = async () => {
    const email = newEmail();
    const { id } = await (await domain).accounts.create({ email, password: PASSWORD }, at(null));
    return { id, email };
  };

  test.each(['known', 'unknown'])(
    'is slowed down, twice as long each time, for %s accounts alike',
    async (which) => {
      const { counters, hashed } = await domain;
      const known = which === 'known' ? await account() : null;
      const email = known?.email ?? newEmail();
      const subject = known ? `id:${known.id}` : `email:${email}`;
      const ip = which === 'known' ? '198.51.100.1' : '198.51.100.2';
      for (let index = 0; index < 5; index += 1) {
        expect(await guess(email, ip)).toEqual({ code: 'invalid_credentials' });
      }
      const waits: unknown[] = [];
      for (let round = 0; round < 7; round += 1) {
        const before = hashed();
        // During the wait, right and wrong passwords get the same answer, cost no hash and don't extend the
        // wait.
        const refused = await Promise.all([guess(email, ip), guess(email, ip, PASSWORD), guess(email, ip)]);
        expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['account_locked']));
        expect(hashed()).toBe(before);
        waits.push(refused[0]?.['retryAfter']);
        await counters.delete(waitKey(subject, ip));
        expect(await guess(email, ip)).toEqual({ code: 'invalid_credentials' });
      }
      for (const [index, wait] of [30, 60, 120, 240, 480, 900, 900].entries()) {
        expect(waits[index]).toBeGreaterThan(wait - 10);
        expect(waits[index]).toBeLessThanOrEqual(wait);
      }
    },
  );

  test('is forgiven by an operator for every source', async () => {
    const { id, email } = await account();
    const { accounts } = await domain;
    for (const ip of ['198.51.100.60', '198.51.100.61'])
      for (let index = 0; index < 6; index += 1) await guess(email, ip);
    const both = () =>
      codes(guess(email, '198.51.100.60', PASSWORD), guess(email, '198.51.100.61', PASSWORD));
    expect(await both()).toEqual(['account_locked', 'account_locked']);
    await accounts.unlock(id, at(null));
    expect(await both()).toEqual(['none', 'none']);
  });

  test('is forgiven after the right password', async () => {
    const { email } = await account();
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 4; index += 1) {
        expect(await guess(email, '198.51.100.3')).toEqual({ code: 'invalid_credentials' });
      }
      expect(await guess(email, '198.51.100.3', PASSWORD)).toEqual({ code: 'none' });
    }
  });

  test('in parallel gets no more answers than one by one', async () => {
    const { counters } = await domain;
    const { id, email } = await account();
    const ip = '198.51.100.4';
    const crowd = Array.from({ length: 50 }, () => guess(email, ip));
    const outcomes = await codes(...crowd);
    expect(outcomes.filter((code) => code === 'invalid_credentials')).toHaveLength(5);
    expect(outcomes.filter((code) => code === 'account_locked')).toHaveLength(45);

    // The burst does not lock the account for other sources either.
    for (let index = 0; index < 4; index += 1) await guess(email, '198.51.100.10');
    expect(await guess(email, '198.51.100.10', PASSWORD)).toEqual({ code: 'none' });

    // After a wait the source is refused.
    await counters.delete(waitKey(`id:${id}`, ip));
    const more = await codes(...Array.from({ length: 20 }, () => guess(email, ip)));
    expect(more.filter((code) => code === 'invalid_credentials')).toHaveLength(1);
    expect(more.filter((code) => code === 'account_locked')).toHaveLength(19);
  });

  test('does not reveal the right password once a parallel wait has begun', async () => {
    const { lockout } = await domain;
    const one = { subject: 'email:beside@example.com', accountId: null, source: '198.51.100.9' };
    await lockout.check(one);
    for (let index = 0; index < 5; index += 1) await lockout.failed(one);
    expect(await errorOf(lockout.succeeded(one))).toMatchObject({ code: 'account_locked' });
    expect(await errorOf(lockout.failed(one))).toMatchObject({ code: 'account_locked' });
  });

  test('does not disturb parallel logins with the right password', async () => {
    const { email } = await account();
    const outcomes = await codes(...Array.from({ length: 40 }, () => guess(email, '198.51.100.5', PASSWORD)));
    expect(new Set(outcomes)).toEqual(new Set(['none']));
  });

  test('from one source does not lock out another', async () => {
    const { email } = await account();
    for (let index = 0; index < 6; index += 1) await guess(email, '198.51.100.6');
    expect(await guess(email, '198.51.100.6', PASSWORD)).toMatchObject({ code: 'account_locked' });
    expect(await guess(email, '198.51.100.7', PASSWORD)).toEqual({ code: 'none' });
  });

  test('counts an IPv6 /64 as one source', async () => {
    const { email } = await account();
    for (let index = 1; index <= 5; index += 1) await guess(email, `2001:db8:0:1::${index}`);
    expect(await guess(email, '2001:db8:0:1::99', PASSWORD)).toMatchObject({ code: 'account_locked' });
    expect(await guess(email, '2001:db8:0:2::99', PASSWORD)).toEqual({ code: 'none' });
  });

  test('counts per account, by whichever of its names', async () => {
    const { accounts, login } = await domain;
    const email = newEmail();
    const username = `u${email.slice(1, 9)}`;
    await accounts.create({ email, username, password: PASSWORD }, at(null));
    for (let index = 0; index < 5; index += 1) await guess(email, '198.51.100.8');
    const again = { identifier: username, password: 'wrong again', actor: at('198.51.100.8') };
    expect(await errorOf(login(again))).toMatchObject({ code: 'account_locked' });
  });

  test('from many sources locks out unknown ones for a while, but not a source of a recent login', async () => {
    const { login, advance } = await domain;
    const { id, email } = await account();
    await login({ email, password: PASSWORD, actor: at('192.0.2.1') });
    for (let place = 0; place < 10; place += 1) {
      for (let index = 0; index < 5; index += 1) {
        expect(await guess(email, `198.51.100.${100 + place}`)).toEqual({ code: 'invalid_credentials' });
      }
    }
    const { code, retryAfter } = await guess(email, '198.51.100.200', PASSWORD);
    expect(code).toBe('account_locked');
    expect(retryAfter).toBeGreaterThan(3500);
    expect(retryAfter).toBeLessThanOrEqual(3600);

    expect(await guess(email, '192.0.2.1', PASSWORD)).toEqual({ code: 'none' });
    // A known source still has only its own few attempts.
    for (let index = 0; index < 5; index += 1) {
      expect(await guess(email, '192.0.2.1')).toEqual({ code: 'invalid_credentials' });
    }
    expect(await guess(email, '192.0.2.1', PASSWORD)).toMatchObject({ code: 'account_locked' });
    await (await domain).counters.delete(waitKey(`id:${id}`, '192.0.2.1'));

    advance(31 * 86_400_000);
    expect(await guess(email, '192.0.2.1', PASSWORD)).toMatchObject({ code: 'account_locked' });
    advance(-31 * 86_400_000);
    expect(await guess(email, '192.0.2.1', PASSWORD)).toEqual({ code: 'none' });
  });

  test('from many sources does not lock out a known browser, which has few attempts of its own', async () => {
    const { beginLogin, accounts, pool } = await domain;
    const [own, other] = [await account(), await account()];
    for (const { email } of [own, other])
      for (let place = 0; place < 10; place += 1)
        for (let index = 0; index < 5; index += 1) await guess(email, `203.0.113.${100 + place}`);
    const owner = (await accounts.find(own.id))!;
    const signedIn = () => withDevice([], owner, Date.now());
    const known = signedIn();
    let network = 0;
    /** Always from another network. */
    const enter = async (devices: KnownDevice[], password = PASSWORD, { email } = own) => {
      const actor = at(`192.0.2.${(network += 1)}`);
      return (
        await errorOf(beginLogin({ identifier: email, password, actor, device: null, known: devices }))
      )['code'];
    };
    expect(await enter([])).toBe('account_locked');
    expect(await enter(known)).toBe('none');
    // The browser is known to one account only.
    expect(await enter(known, PASSWORD, other)).toBe('account_locked');
    expect(await enter(withDevice([], owner, Date.now() - 181 * 86_400_000))).toBe('account_locked');

    // A copied cookie has these few attempts from anywhere, and uses up nobody else's.
    for (let index = 0; index < 5; index += 1)
      expect(await enter(known, 'wrong again')).toBe('invalid_credentials');
    expect(await enter(known)).toBe('account_locked');
    expect(await enter(signedIn())).toBe('none');

    // The browser is unknown once the credentials of the account change.
    await pool.query('update users set security_version = security_version + 1 where id = $1', [own.id]);
    expect(await enter(signedIn())).toBe('account_locked');
  });

  test('through a program or a proxy that names no client is limited per account, never as a whole', async () => {
    const { login } = await domain;
    const program = { ...at('192.0.2.3'), kind: 'client', id: 'ptn_12345678' } as const;
    for (const actor of [program, at(null)]) {
      const victim = await account();
      const wrong = (email: string) => errorOf(login({ email, password: 'a wrong password', actor }));
      const tries = await codes(...Array.from({ length: 130 }, () => wrong(newEmail())));
      expect(new Set(tries)).toEqual(new Set(['invalid_credentials']));
      await login({ email: victim.email, password: PASSWORD, actor });
      for (let index = 0; index < 5; index += 1) await wrong(victim.email);
      expect(await wrong(victim.email)).toMatchObject({ code: 'account_locked' });
      const other = await account();
      expect(await errorOf(login({ email: other.email, password: PASSWORD, actor }))).toEqual({
        code: 'none',
      });
    }
    // The address of the program does not matter.
    expect(await guess((await account()).email, '192.0.2.3', PASSWORD)).toEqual({ code: 'none' });
  });

  test('from one source at many accounts blocks the source for the window, except where it is known', async () => {
    const { login } = await domain;
    const { email } = await account();
    const ip = '192.0.2.2';
    await login({ email, password: PASSWORD, actor: at(ip) });
    const tries = await codes(
      ...Array.from({ length: 130 }, (_, index) => guess(newEmail(), ip, `spray ${index}`)),
    );
    expect(tries.filter((code) => code === 'invalid_credentials')).toHaveLength(100);
    expect(tries.filter((code) => code === 'account_locked')).toHaveLength(30);
    expect(await guess((await account()).email, ip, PASSWORD)).toMatchObject({ code: 'account_locked' });
    expect(await guess(email, ip, PASSWORD)).toEqual({ code: 'none' });
  });
});

test('a guess that finds something, or cannot look, does not count against its limit', async () => {
  const { guessLimit } = await openDomain({}, openStores('postgres', database));
  const guess = (find: () => Promise<string | undefined>) => guessLimit('a test', ['me'], 1, find);
  for (const _ of [1, 2, 3]) {
    await expect(guess(() => Promise.reject(new Error('an outage')))).rejects.toThrow('an outage');
    expect(await guess(async () => 'found')).toBe('found');
  }
  expect(await guess(async () => undefined)).toBeUndefined();
  expect(await errorOf(guess(async () => 'found'))).toMatchObject({ code: 'rate_limited' });
});

test('a browser remembers an account once, and four of them', () => {
  const remember = (known: KnownDevice[], id: string) => withDevice(known, { id, securityVersion: 1 }, 0);
  const known = ['a', 'b', 'a', 'c', 'a', 'd', 'a'].reduce<KnownDevice[]>(remember, []);
  expect(known.map(({ accountId }) => accountId)).toEqual(['a', 'd', 'c', 'b']);
  expect(remember(known, 'e').map(({ accountId }) => accountId)).toEqual(['e', 'a', 'd', 'c']);
});
