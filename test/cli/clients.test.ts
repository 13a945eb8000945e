import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { type Provider, REDIRECT_URI, startProvider } from '../oidc/support/provider.ts';
import { failing, json, ownToken } from './support/commands.ts';
import { until } from '../support/until.ts';

interface Made {
  client_id: string;
  client_secret: string | null;
  secrets: { id: string; created_at: string; expires_at: string | null }[];
}

const shell = shellOperator(systemActor);

describe('postern client', () => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider();
  });
  const run = <T = Made>(...args: string[]) => json<T>(['client', ...args], { env: provider.postern.env });
  const refused = async (...args: string[]) => {
    const { stdout } = await failing(['client', ...args], { env: provider.postern.env });
    return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
  };
  const invalid = (message: RegExp) =>
    expect.objectContaining({ code: 'invalid_client_metadata', message: expect.stringMatching(message) });
  const statusOf = async (client_id: string, client_secret: string) =>
    (await ownToken(provider.url, { client_id, client_secret })).status;

  it('refuses unknown metadata and metadata without effect', async () => {
    const given = ['--metadata', '{"logo_url":"https://a.example/l.svg"}'];
    const created = await refused('create', '--name', 'X', '--redirect-uri', REDIRECT_URI, ...given);
    expect(created).toEqual(invalid(/logo_url: is not client metadata; did you mean logo_uri\?/));
    const { id } = await provider.createClient();
    const change = (metadata: Record<string, unknown>) =>
      provider.operator.clients.update(shell, id, { name: 'Other', metadata });
    await expect(change({ tos_url: null })).rejects.toMatchObject({ details: { field: 'tos_url' } });
    await expect(change({ client_id: 'other' })).rejects.toMatchObject({ details: { field: 'client_id' } });
    await expect(change({ tls_client_auth_subject_dn: 'CN=x' })).rejects.toMatchObject({
      details: { field: 'tls_client_auth_subject_dn', reason: 'has no effect here' },
    });
    expect(await provider.operator.clients.find(shell, id)).toMatchObject({ name: 'Test client' });
  });

  it('shows and lists everything but secrets', async () => {
    const { id, secret } = await provider.createClient({
      tos_uri: 'https://a.example/tos',
      default_max_age: 60,
    });
    const shown = await run<Record<string, unknown>>('show', id);
    expect(shown).toMatchObject({
      client_id: id,
      name: 'Test client',
      redirect_uris: [REDIRECT_URI],
      tos_uri: 'https://a.example/tos',
      default_max_age: 60,
      token_endpoint_auth_method: 'client_secret_basic',
      secrets: [{ id: expect.stringMatching(/^[0-9a-f]{16}$/), expires_at: null }],
    });
    expect(JSON.stringify(shown)).not.toContain(secret);
    const { clients, next_cursor } = await run<{ clients: Record<string, unknown>[]; next_cursor: null }>(
      'list',
    );
    const { secrets: _own, ...whole } = shown;
    expect(clients.find(({ client_id }) => client_id === id)).toEqual(whole);
    expect(next_cursor).toBeNull();
    expect(await refused('show', 'nobody')).toMatchObject({ code: 'client_not_found' });
  });

  it('takes metadata as JSON, and refuses a property that an option sets too', async () => {
    const metadata = {
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    };
    const made = await run('create', '--name', 'X', '--metadata', JSON.stringify(metadata));
    expect(made).toMatchObject({ ...metadata, redirect_uris: [], client_secret: expect.any(String) });
    const other = ['--metadata', '{"redirect_uris":["https://b.example/"]}'];
    const twice = await refused('create', '--name', 'X', '--redirect-uri', REDIRECT_URI, ...other);
    expect(twice).toMatchObject({ code: 'usage', message: expect.stringContaining('redirect_uris') });
  });

  it('rotates a secret and keeps the old one for a while', async () => {
    const { id, secret: first } = await provider.createClient({ grant_types: ['client_credentials'] });
    const rotated = await run('rotate-secret', id);
    const second = rotated.client_secret ?? '';
    const { clients } = provider.operator;
    const { secret: third } = await clients.rotateSecret(shell, id, { overlap: 3600 });
    expect(await Promise.all([first, second, third, 'wrong'].map((one) => statusOf(id, one)))).toEqual([
      200, 200, 200, 401,
    ]);
    const [newest, ...former] = await clients.secrets(shell, id);
    expect(newest?.expiresAt).toBeNull();
    const hours = former.map(({ expiresAt }) =>
      Math.round(((expiresAt?.getTime() ?? 0) - Date.now()) / 3_600_000),
    );
    expect(hours).toEqual([1, 24]);

    // The database clock decides when it expires; no notification is needed.
    await provider.sql(
      "update former_client_secrets set expires_at = now() where expires_at < now() + interval '2 hours'",
    );
    expect(await Promise.all([first, second, third].map((one) => statusOf(id, one)))).toEqual([
      200, 401, 200,
    ]);

    const { secret: last } = await clients.rotateSecret(shell, id, { overlap: 0 });
    expect(await clients.secrets(shell, id)).toHaveLength(1);
    // A node that has cached the client is notified a moment later.
    await until(async () => (await statusOf(id, third)) === 401);
    expect(await Promise.all([first, second, last].map((one) => statusOf(id, one)))).toEqual([401, 401, 200]);
    const events = await provider.sql(
      "select details from audit_events where type = 'client.secret_rotated'",
    );
    expect(events).toHaveLength(3);
    for (const one of [first, second, third, last]) expect(JSON.stringify(events)).not.toContain(one);
  });

  it('keeps at most five old secrets, and parallel rotations lose none', async () => {
    const { id } = await provider.createClient({ grant_types: ['client_credentials'] });
    const rotate = async () =>
      (await provider.operator.clients.rotateSecret(shell, id, { overlap: 3600 })).secret;
    const two = await Promise.all([rotate(), rotate()]);
    expect(await Promise.all(two.map((one) => statusOf(id, one)))).toEqual([200, 200]);
    for (let times = 0; times < 6; times += 1) await rotate();
    expect(await provider.operator.clients.secrets(shell, id)).toHaveLength(6);
  });

  it('creates no secret for a public client', async () => {
    const { id } = await provider.createClient({}, { isPublic: true });
    const { rotateSecret } = provider.operator.clients;
    await expect(rotateSecret(shell, id, { overlap: 0 })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
    });
    await expect(rotateSecret(shell, 'nobody', { overlap: 0 })).rejects.toMatchObject({
      code: 'client_not_found',
    });
  });

  it('disables and enables clients, and shows kind, secrets and consents', async () => {
    const { id } = await provider.createClient({ grant_types: ['client_credentials'] });
    expect(await run<object>('disable', id)).toMatchObject({
      client_id: id,
      enabled: false,
      kind: 'service',
    });
    const disabled = await run<{ clients: Made[] }>(
      'list',
      '--no-enabled',
      '--kind',
      'service',
      '--kind',
      'device',
    );
    expect(disabled.clients.map(({ client_id }) => client_id)).toEqual([id]);
    expect(await run<object>('enable', id)).toMatchObject({ enabled: true });
    const { secrets } = await run('rotate-secret', id, '--expires-in', '1d');
    const [{ id: newest } = { id: '' }, { id: former } = {}] = secrets;
    expect((await run('secrets', id)).secrets.map((one) => one.id)).toEqual([newest, former]);
    expect((await run('remove-secret', id, newest)).secrets).toMatchObject([{ id: former }]);
    expect(await refused('remove-secret', id, former ?? '')).toMatchObject({ code: 'in_use' });
    expect(await run<object>('consents', id)).toEqual({ users: [], next_cursor: null });
  });

  it('creates a client with a given id and secret', async () => {
    const secret = 'brought/from+elsewhere=0123456789';
    const command = path.resolve(import.meta.dirname, '../../bin/postern.js');
    const args = ['client', 'create', '--name', 'Old', '--grant', 'client_credentials', '--json'];
    const child = spawn(
      process.execPath,
      [command, ...args, '--client-id', 'https://old.example/app', '--client-secret-stdin'],
      { env: provider.postern.env, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    child.stdin.end(`${secret}\n`);
    const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ client_id: 'https://old.example/app', client_secret: null });
    expect(await statusOf(encodeURIComponent('https://old.example/app'), encodeURIComponent(secret))).toBe(
      200,
    );
    const bring = (
      wish: object,
      metadata: object = { grant_types: ['client_credentials'], response_types: [] },
    ) =>
      provider.operator.clients.create(shell, {
        name: 'Old',
        metadata: { redirect_uris: [], ...metadata },
        ...wish,
      });
    await expect(bring({ id: 'https://old.example/app' })).rejects.toMatchObject({ code: 'client_id_taken' });
    for (const wish of [
      { id: 'contract:gateway' },
      { id: 'with space' },
      { id: 'é' },
      { secret: 'too short' },
      { secret: 'with\na line break, and long enough' },
      { secret, isPublic: true },
    ])
      await expect(bring(wish)).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });
});
