import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateSync } from 'otplib';
import { systemActor } from '../../src/kernel/actor.ts';
import { signIn } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { failing, json } from './support/commands.ts';

describe('help for people', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider();
    client = await provider.createClient();
    person = await provider.createPerson();
    await signIn(provider, client, person);
  });
  const run = <T = Record<string, unknown>>(...args: string[]) =>
    json<T>(['user', ...args], { env: provider.postern.env });
  const refused = async (...args: string[]) => {
    const { code, stdout } = await failing(['user', ...args], { env: provider.postern.env });
    return { status: code, ...(JSON.parse(stdout) as { error: { code: string; message: string } }).error };
  };

  it('shows all that there is to know', async () => {
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

  it('takes lost factors off', async () => {
    expect(await run('reset-factors', person.username)).toMatchObject({ id: person.id, removed: 1 });
    expect((await provider.operator.mfa.status(person.id)).methods).toEqual([]);
  });

  it('shows sessions, and ends them', async () => {
    const { sessions } = await run<{ sessions: object[] }>('sessions', person.id, '--end');
    expect(sessions).toMatchObject([{ client_ids: [client.id], signed_in_at: expect.any(String) }]);
    expect(await provider.operator.accountSessions.list(person.id)).toEqual([]);
  });

  it('sends a link for a new password, or sets one', async () => {
    expect(await refused('reset-password', person.id)).toMatchObject({ status: 2, code: 'usage' });
    expect(await run('reset-password', person.id, '--mail')).toMatchObject({ id: person.id, sent: true });
    const asked = await provider.audited('password.reset_requested', person.id);
    expect(asked).toMatchObject({ outcome: 'success', actor_kind: 'operator', door: 'cli' });
  });

  it('changes the role and the address, as the domain lets it', async () => {
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
  });

  it('lets somebody try again, and shows what happened', async () => {
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

  it('deletes nobody unasked where there is no terminal', async () => {
    expect(await refused('delete', person.id)).toMatchObject({
      status: 2,
      code: 'usage',
      message: expect.stringContaining('--yes'),
    });
    expect(await provider.operator.accounts.find(person.id)).not.toBeNull();
    await run('delete', person.id, '--yes');
    expect(await provider.operator.accounts.find(person.id)).toBeNull();
  });
});
