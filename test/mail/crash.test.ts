import { expect, test } from '@jest/globals';
import { startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { startPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { SmtpSink } from './smtp-sink.ts';

test('a server killed between commit and delivery loses no mail, and the next nodes send none twice', async () => {
  const sink = await SmtpSink.start();
  const env = { SMTP_URL: sink.url };
  const provider = await startProvider({ env });
  const people = await Promise.all(Array.from({ length: 12 }, () => provider.createPerson()));
  const forget = async (identifier: string) => {
    const agent = new UserAgent(provider.url);
    const { status } = await agent.submit(await agent.open('/forgot-password'), { identifier });
    expect(status).toBe(200);
  };
  const waiting = async () => {
    const [row] = await provider.sql('select count(*)::int as n from outbox where content is not null');
    return Number(row?.['n']);
  };

  // Some are delivered and marked as such.
  for (const { email } of people.slice(0, 3)) await forget(email);
  await until(async () => (await waiting()) === 0);
  expect(sink.accepted).toHaveLength(3);

  // Some of the others are being sent, and no server has accepted any.
  sink.behaviour = 'stall-reply';
  for (const { email } of people.slice(3)) await forget(email);
  await until(() => sink.seen.length > 3);
  expect(await provider.postern.stop('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
  expect(await waiting()).toBe(9);

  await sink.stop();
  sink.behaviour = 'accept';
  await sink.start();
  const databaseUrl = provider.postern.env['DATABASE_URL'] ?? '';
  await Promise.all([startPostern({ databaseUrl, env }), startPostern({ databaseUrl, env })]);
  await until(async () => (await waiting()) === 0);
  const recipients = sink.accepted.flatMap(({ to = [] }) => to.map(({ address }) => address));
  expect(recipients).toHaveLength(people.length);
  expect(new Set(recipients)).toEqual(new Set(people.map(({ email }) => email)));
});
