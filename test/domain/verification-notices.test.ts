import { expect, test } from '@jest/globals';
import { deviceOf } from '../../src/domain/notices.ts';
import { openMailDomain, somewhere } from '../mail/mail-domain.ts';

const opened = openMailDomain();

test('every kind of change is notified once, in its own transaction', async () => {
  const { notices, account, inTransaction, mail } = await opened;
  const user = await account({ emailVerified: true, givenName: 'Zoë-Marie', locale: 'es' });
  const actor = {
    ...somewhere(),
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  };
  const passkey = { id: 'p1', kind: 'passkey', name: 'Phone' } as const;
  const tellAll = () =>
    inTransaction(async (tx) => {
      await notices.newDevice(user, 'device-1', actor, tx);
      await notices.factorAdded(user, passkey, actor, tx);
      await notices.factorRemoved(user, passkey, actor, tx);
      await notices.recoveryCodeUsed(user, { id: 'r1', left: 4 }, actor, tx);
      await notices.accountExists(user, actor, tx);
    });
  await tellAll();
  await Promise.all([tellAll(), tellAll()]);
  const messages = await mail();
  expect(messages.map(({ kind }) => kind).sort()).toEqual([
    'account-exists',
    'factor-added',
    'factor-removed',
    'new-device',
    'recovery-code-used',
  ]);
  for (const message of messages) {
    expect(message).toMatchObject({
      to: user.email,
      person: 'Zoë-Marie',
      locale: 'es',
      circumstances: { ip: actor.ip, browser: 'Firefox', system: 'Linux' },
    });
    expect(JSON.stringify(message)).not.toContain('p1');
  }
  await inTransaction((tx) => notices.newDevice(user, 'device-2', actor, tx));
  expect(await mail()).toHaveLength(1);
});

test('a mail uses no name that somebody else may have chosen', async () => {
  const { notices, account, inTransaction, mail } = await opened;
  const user = await account({ name: 'You won! http://evil.example' });
  await inTransaction((tx) => notices.passwordChanged(user, somewhere(), tx));
  expect(await mail()).toMatchObject([{ person: null }]);
});

test.each([
  [null, null, null],
  ['', null, null],
  ['Call +1 555 0100 now/1.0 (evil)', null, null],
  ['curl/8.5.0', null, null],
  ['x'.repeat(100_000), null, null],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0', 'Firefox', 'Windows'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari',
    'iOS',
  ],
])('the user agent %s is shown as %s on %s', (userAgent, browser, system) => {
  expect(deviceOf(userAgent)).toEqual({ browser, system });
});
