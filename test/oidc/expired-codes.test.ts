import { describe, expect, it } from '@jest/globals';
import { movableTime } from '../support/clock.ts';
import { askForLogin, POLL, pollLogin } from './support/ciba.ts';
import { beginDevice, DEVICE, pollDevice } from './support/device.ts';
import { type Client, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe.each(STORES)('a device code that has expired, on %s', (stores) => {
  it('is told to its client and to the person, and nothing is left of it', async () => {
    const time = await movableTime();
    const provider = await startProvider({ ...time.server, stores });
    const [client, another] = await Promise.all([
      provider.createClient(DEVICE, { isPublic: true }),
      provider.createClient(DEVICE, { isPublic: true }),
    ]);
    const { user_code: userCode, device_code: code } = await beginDevice(provider, client);
    const errorOf = async (app: Client, value: string) => (await pollDevice(provider, app, value)).body;
    await time.advance(300);
    expect(await errorOf(client, code)).toMatchObject({ error: 'authorization_pending' });
    for (const seconds of [300, 86_400]) {
      await time.advance(seconds);
      expect(await errorOf(client, code)).toMatchObject({ error: 'expired_token' });
    }
    expect(
      await provider.sql("select from oidc_records where model <> 'Session' and expires_at > now()"),
    ).toEqual([]);
    for (const [app, value] of [
      [another, code],
      [client, code.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
      [client, code.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
      [client, `${code}.x`],
      [client, 'unknown'],
      [client, '..'],
    ] as const)
      expect(await errorOf(app, value)).toMatchObject({ error: 'invalid_grant' });
    const agent = new UserAgent(provider.url);
    const typed = await agent.submit(await agent.open('/device'), { user_code: userCode }, '/device');
    const linked = await agent.open(`/device?user_code=${userCode}`);
    for (const page of [typed, linked])
      expect([page.status, page.html.includes('has expired')]).toEqual([400, true]);
  });
});

describe.each(STORES)('a backchannel authentication request that has expired, on %s', (stores) => {
  it('is told to its client', async () => {
    const time = await movableTime();
    const provider = await startProvider({ ...time.server, stores });
    const [client, another, person] = await Promise.all([
      provider.createClient(POLL),
      provider.createClient(POLL),
      provider.createPerson(),
    ]);
    const hint = { login_hint: person.email, requested_expiry: '120' };
    const { body } = await askForLogin(provider, client, hint);
    const errorOf = async (app: Client) => (await pollLogin(provider, app, body.auth_req_id)).body;
    await time.advance(60);
    expect(await errorOf(client)).toMatchObject({ error: 'authorization_pending' });
    await time.advance(60);
    expect(await errorOf(client)).toMatchObject({ error: 'expired_token' });
    expect(await errorOf(another)).toMatchObject({ error: 'invalid_grant' });
  });
});
