import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateSync } from 'otplib';
import { systemActor } from '../../src/core/actor.ts';
import { METRICS } from '../../src/storage/daily-stats.ts';
import { signIn } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { runCli } from '../support/postern.ts';
import { failing, json } from './support/commands.ts';

describe('postern user', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider();
    client = await provider.createClient();
    person = await provider.createPerson();
    await signIn(provider, client, person);
  });
  /** Backdates events, which nothing else may do. */
  const agedBy = (time: string, which: string) =>
    provider.sql(`alter table audit_events disable trigger user;
      update audit_events set at = at - interval '${time}' where ${which};
      alter table audit_events enable trigger user`);
  const run = <T = Record<string, unknown>>(...args: string[]) =>
    json<T>(['user', ...args], { env: provider.postern.env });
  const refused = async (...args: string[]) => {
    const { code, stdout } = await failing(['user', ...args], { env: provider.postern.env });
    return { status: code, ...(JSON.parse(stdout) as { error: { code: string; message: string } }).error };
  };

  it('shows everything about an account', async () => {
    const { totp } = provider.operator.mfa;
    const { id: enrolment, secret } = await totp.begin(person.id, 'Phone');
    await totp.confirm(person.id, enrolment, generateSync({ secret }), systemActor);
    const shown = await run('show', person.email);
    expect(shown).toMatchObject({
      id: person.id,
      email: person.email,
      email_verified: true,
      has_password: true,
      status: 'active',
      factors: { totp: [{ name: 'Phone' }], passkeys: [], recovery_codes_left: 10, required: false },
      sessions: 1,
      apps: [client.id],
    });
    expect(JSON.stringify(shown)).not.toMatch(/argon2|secret/i);
  });

  it('removes lost factors', async () => {
    expect(await run('reset-factors', person.username)).toMatchObject({ id: person.id, removed: 1 });
    expect((await provider.operator.mfa.status(person.id)).methods).toEqual([]);
  });

  it('shows and ends sessions', async () => {
    const { sessions } = await run<{ sessions: object[] }>('sessions', person.id, '--end');
    expect(sessions).toMatchObject([{ client_ids: [client.id], signed_in_at: expect.any(String) }]);
    expect(await provider.operator.accountSessions.list(person.id)).toEqual([]);
  });

  it('mails a link for a new password, or sets one', async () => {
    expect(await refused('reset-password', person.id)).toMatchObject({ status: 2, code: 'usage' });
    expect(await run('reset-password', person.id, '--mail')).toMatchObject({ id: person.id, sent: true });
    const asked = await provider.audited('password.reset_requested', person.id);
    expect(asked).toMatchObject({ outcome: 'success', actor_kind: 'operator', door: 'cli' });
  });

  it('changes role and address by the same rules as everywhere', async () => {
    expect(await run('set-role', person.id, 'admin')).toMatchObject({ roles: ['user', 'admin'] });
    expect(await run('set-role', person.id, 'user')).toMatchObject({ roles: ['user'] });
    expect(await refused('set-role', person.id, 'wizard')).toMatchObject({
      status: 1,
      code: 'invalid_request',
    });
    expect(await refused('set-role', 'admin', 'user')).toMatchObject({ status: 1, code: 'last_admin' });
    const email = `new-${person.email}`;
    const moved = await run('set-email', person.id, email, '--email-verified');
    expect(moved).toMatchObject({ email, email_verified: true });
    const [change] = await provider.sql(
      "select details from audit_events where type = 'user.updated' and subject = $1 order by at desc limit 1",
      [person.id],
    );
    expect(change).toMatchObject({ details: { before: { email: person.email }, after: { email } } });
  });

  it('lists by search, status, role and date', async () => {
    const list = (...args: string[]) =>
      run<{ users: { id: string }[]; next_cursor: string | null }>('list', ...args);
    const found = await list('--search', person.username, '--status', 'active', '--role', 'user');
    expect(found).toMatchObject({ users: [{ id: person.id }], next_cursor: null });
    expect(await list('--search', person.username, '--status', 'suspended')).toMatchObject({ users: [] });
    const first = await list('--sort', '-created_at', '--limit', '1');
    const second = await list('--sort', '-created_at', '--limit', '1', '--after', first.next_cursor ?? '');
    expect(second.users[0]?.id).not.toBe(first.users[0]?.id);
    expect(await refused('list', '--created-after', 'soon')).toMatchObject({ status: 2, code: 'usage' });
  });

  it('unlocks an account and shows its history', async () => {
    expect(await run('unlock', person.id)).toMatchObject({ id: person.id });
    const { events, next_cursor: next } = await run<{
      events: Record<string, unknown>[];
      next_cursor: string;
    }>('audit', person.id, '--limit', '2');
    expect(events[0]).toMatchObject({
      type: 'user.unlocked',
      actor: { kind: 'operator', id: expect.any(String) },
      door: 'cli',
      outcome: 'success',
    });
    expect(next).toBe(events[1]?.['id']);
  });

  it('deletes an account without a terminal only with --yes', async () => {
    expect(await refused('delete', person.id)).toMatchObject({
      status: 2,
      code: 'usage',
      message: expect.stringContaining('--yes'),
    });
    expect(await provider.operator.accounts.find(person.id)).not.toBeNull();
    await run('delete', person.id, '--yes');
    expect(await provider.operator.accounts.find(person.id)).toBeNull();
  });

  it('leaves no trace of failed sign-ins once their retention is over', async () => {
    const tables = await provider.sql(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const rows = async () => {
      const counts = tables.map(
        ({ name }) => `(select count(*) from ${String(name)})::int as ${String(name)}`,
      );
      return (await provider.sql(`select ${counts.join(', ')}`))[0]!;
    };
    await provider.operator.sweep();
    // The server writes the day's counts, a row for each metric, on a timer: now or during this test.
    const day = new Date().toISOString().slice(0, 10);
    const counts = METRICS.map((metric) => ({ day, metric, count: 0 }));
    await provider.operator.stores.dailyStats.add({ counts, people: [] });
    const before = await rows();
    const agent = new UserAgent(provider.url);
    for (let n = 0; n < 12; n += 1)
      await agent.submit(await agent.open('/sign-in'), { identifier: `nobody-${n}`, password: 'wrong' });
    expect((await rows())['audit_events']).toBe(Number(before['audit_events']) + 12);
    await provider.sql('update counters set expire = 0');
    await agedBy('400 days', "type = 'login' and outcome = 'failure'");
    const swept = await provider.operator.sweep();
    expect(swept).toMatchObject({ audit_events: 12 });
    const after = await rows();
    expect(Object.keys(after).filter((table) => Number(after[table]) > Number(before[table]))).toEqual([]);
  });

  it('creates, invites, changes, exports and schedules deletions like the API', async () => {
    const made = await run('create', '--email', 'new@example.test', '--invite');
    expect(made).toMatchObject({ email: 'new@example.test', status: 'active' });
    const id = String(made['id']);
    expect(await run('invite', id)).toMatchObject({ id, sent: true });
    expect(await run('update', id, '--name', '=Ann', '--username', 'ann.new')).toMatchObject({
      name: '=Ann',
      username: 'ann.new',
    });
    expect(await run('factors', id)).toMatchObject({ factors: [], recovery_codes_left: 0, removed: 0 });
    expect(await run('data', id)).toMatchObject({ account: { id, email: 'new@example.test' }, apps: [] });
    const other = await provider.createPerson();
    expect(await run('reset-password', other.id, '--force')).toMatchObject({ id: other.id });
    expect((await provider.operator.accounts.find(other.id))?.passwordChangeRequired).toBe(true);
    const due = await run('delete', id, '--after-days', '7', '--reason', 'left', '--yes');
    expect(due).toMatchObject({ status: 'suspended', deletes_at: expect.any(String) });
    expect(await run('reactivate', id)).toMatchObject({ status: 'active' });
    const { env } = provider.postern;
    const exported = await runCli(['user', 'export', '--format', 'csv'], { env });
    expect(exported.stdout).toContain("'=Ann");
  });

  it('leaves deleting audit events early to `postern audit purge`', async () => {
    const { env } = provider.postern;
    const purge = ['audit', 'purge', '--older-than', '30d'];
    await agedBy('31 days', "type = 'user.created'");
    const others = await provider.sql("select id from audit_events where type <> 'user.created'");
    expect(await failing(purge, { env })).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('--yes'),
    });
    expect(await failing(['audit', 'purge', '--older-than', 'long', '--yes'], { env })).toMatchObject({
      code: 2,
    });
    const { events } = await json<{ events: number }>([...purge, '--yes'], { env });
    expect(events).toBeGreaterThan(0);
    const left = await provider.sql("select type, details from audit_events where type <> 'login'");
    expect(left.filter(({ type }) => type === 'user.created')).toEqual([]);
    expect(left.find(({ type }) => type === 'audit.purged')).toMatchObject({ details: { events } });
    const ids = (await provider.sql('select id from audit_events')).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(others.map(({ id }) => id)));

    const [admin] = await provider.sql("select id from users where username = 'admin'");
    const id = String(admin?.['id']);
    for (const statement of [
      'delete from audit_events',
      'truncate audit_events',
      'update audit_events set ip = null',
      `select audit_forget('${id}')`,
      `do $$ begin
         perform set_config('postern.audit_purge', '2000-01-01', true);
         delete from audit_events;
       end $$`,
      `do $$ begin
         perform set_config('postern.audit_forget', subject::text, true) from audit_events where subject is not null limit 1;
         update audit_events set type = 'login' where subject::text = current_setting('postern.audit_forget');
       end $$`,
    ])
      await expect(provider.sql(statement)).rejects.toThrow(/append-only|not deleted/);
  });
});
