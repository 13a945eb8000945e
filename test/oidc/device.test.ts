import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { sha256 } from '../../src/core/ids.ts';
import { launchBrowser } from '../support/browser.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from './support/device.ts';
import { introspect, post, refresh, userinfo } from './support/flow.ts';
import { allRecords, resetCounters } from './support/stored-records.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { type Page, UserAgent } from './support/user-agent.ts';
import { wide } from '../support/wide.ts';

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1]?.replace(/<[^>]*>/g, '');

const signIn = (agent: UserAgent, page: Page, { email, password }: Person): Promise<Page> =>
  agent.submit(page, { identifier: email, password }, '/sign-in');

describe.each(STORES)('device authorization on %s', (stores) => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    [client, person] = await Promise.all([
      provider.createClient(DEVICE, { isPublic: true }),
      provider.createPerson(),
    ]);
  });

  it('issues tokens for the person’s login once they have approved', async () => {
    const codes = await beginDevice(provider, client);
    expect(codes).toEqual({
      device_code: expect.any(String),
      user_code: expect.stringMatching(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/),
      verification_uri: `${provider.url}/device`,
      verification_uri_complete: `${provider.url}/device?user_code=${codes.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect((await pollDevice(provider, client, codes.device_code)).body).toMatchObject({
      error: 'authorization_pending',
    });
    expect((await pollDevice(provider, client, codes.device_code)).body).toMatchObject({
      error: 'slow_down',
    });

    const done = await approveDevice(provider, person, codes.user_code);
    expect([done.status, heading(done)]).toEqual([200, 'Your device is signed in']);
    const { status, body } = await pollDevice(provider, client, codes.device_code);
    expect([status, body]).toEqual([200, expect.objectContaining({ token_type: 'Bearer' })]);
    expect(decodeJwt(body.id_token)).toMatchObject({ sub: person.id, aud: client.id, amr: ['pwd'] });
    expect(body.refresh_token).toEqual(expect.any(String));
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({ sub: person.id });
    await provider.audited('device.authorized', person.id);
    expect((await pollDevice(provider, client, codes.device_code)).body).toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('issues tokens to a device that polls while the approval is being answered', async () => {
    await provider.sql(`create or replace function wait() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(8628); return new; end $$`);
    await provider.sql(`create or replace trigger wait before insert on audit_events for each row
      when (new.type = 'device.authorized') execute function wait()`);
    await provider.sql('select pg_advisory_lock(8628)');
    const codes = await beginDevice(provider, client, { scope: 'openid' });
    const approving = approveDevice(provider, person, codes.user_code);
    const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = 8628 and not granted
      and database = (select oid from pg_database where datname = current_database())`;
    while ((await provider.sql(waiting)).length === 0) await sleep(20);
    const { status, body } = await pollDevice(provider, client, codes.device_code);
    await provider.sql('select pg_advisory_unlock(8628)');
    await approving;
    await provider.sql('drop trigger wait on audit_events');
    expect([status, body]).toEqual([200, expect.objectContaining({ token_type: 'Bearer' })]);
  });

  it('stores neither code in clear', async () => {
    const { device_code: code, user_code: userCode } = await beginDevice(provider, client);
    const kept = await allRecords(provider);
    expect(kept).toContain(sha256(code));
    for (const secret of [code, userCode, userCode.replace('-', '')]) expect(kept).not.toContain(secret);
  });

  it('can be denied by the person', async () => {
    const codes = await beginDevice(provider, client);
    const agent = new UserAgent(provider.url);
    const confirm = await agent.open(codes.verification_uri_complete);
    const refused = await agent.submit(confirm, { abort: 'yes' }, '/device');
    expect([refused.status, heading(refused)]).toEqual([200, 'The device was refused']);
    expect((await pollDevice(provider, client, codes.device_code)).body).toMatchObject({
      error: 'access_denied',
    });
    const again = await agent.open(codes.verification_uri_complete);
    expect([again.status, again.html.includes('was used already')]).toEqual([400, true]);
  });

  it('can be denied on the consent page', async () => {
    const codes = await beginDevice(provider, client);
    const agent = new UserAgent(provider.url);
    const confirm = await agent.open(codes.verification_uri_complete);
    const page = await agent.submit(confirm, { confirm: 'yes' }, '/device');
    const consent = await signIn(agent, page, await provider.createPerson());
    expect(consent.html).toContain('continue on your device');
    const refused = await agent.submit(consent, { decision: 'deny' }, '/consent');
    expect([refused.status, heading(refused)]).toEqual([200, 'The device was refused']);
    expect((await pollDevice(provider, client, codes.device_code)).body).toMatchObject({
      error: 'access_denied',
    });
  });

  it('recognizes the user code in any spelling', async () => {
    const codes = await beginDevice(provider, client);
    const agent = new UserAgent(provider.url);
    const [left = '', right = ''] = codes.user_code.toLowerCase().split('-');
    const ways = [`${left}${right}`, ` ${left} ${right} `, `${left}–${right}`, `${left}.${right}`];
    for (const typed of [...ways, wide(codes.user_code)]) {
      const page = await agent.submit(await agent.open('/device'), { user_code: typed }, '/device');
      expect([typed, page.status, page.html.includes(codes.user_code)]).toEqual([typed, 200, true]);
      expect(page.html).toContain('Test client');
      expect(page.html).toContain('Only continue if you started this');
      expect(page.html).toContain('127.0.0.1');
    }
  });

  it.each([true, false])('takes one of two parallel answers, one of them a denial: %s', async (refuses) => {
    const { user_code, device_code } = await beginDevice(provider, client);
    const people = [await provider.createPerson(), await provider.createPerson()] as const;
    const open = async (who: Person) => {
      const agent = new UserAgent(provider.url);
      const confirm = await agent.submit(await agent.open('/device'), { user_code }, '/device');
      if (refuses && who === people[1]) return () => agent.submit(confirm, { abort: 'yes' }, '/device');
      const page = await signIn(agent, await agent.submit(confirm, { confirm: 'yes' }, '/device'), who);
      return () => agent.submit(page, { decision: 'allow' }, '/consent');
    };
    const answers = [await open(people[0]), await open(people[1])];
    const pages = await Promise.all(answers.map((answer) => answer()));
    const isUsed = pages.map(({ html }) => html.includes('was used already'));
    expect(isUsed.filter(Boolean)).toHaveLength(1);
    const { body } = await pollDevice(provider, client, device_code);
    if (refuses && isUsed[0]) expect(body).toMatchObject({ error: 'access_denied' });
    else expect(decodeJwt(body.id_token).sub).toBe(people[isUsed[0] ? 1 : 0].id);
    const written = await provider.sql(
      "select from audit_events where type = 'device.authorized' and subject = any($1)",
      [people.map(({ id }) => id)],
    );
    expect(written).toHaveLength(refuses && isUsed[0] ? 0 : 1);
  });

  it('says what is wrong with a user code', async () => {
    const agent = new UserAgent(provider.url);
    const type = async (code: string) =>
      agent.submit(await agent.open('/device'), { user_code: code }, '/device');
    const { user_code: used } = await beginDevice(provider, client);
    await approveDevice(provider, person, used);
    for (const [code, words] of [
      ['', 'Enter the code that your device shows'],
      ['BBBB-BBBB', 'There is no such code'],
      ['<b>&"', 'There is no such code'],
      [used, 'was used already'],
    ] as const) {
      const page = await type(code);
      expect([code, page.status, page.html.includes(words)]).toEqual([code, 400, true]);
      expect(page.html).not.toContain('<b>');
    }
    for (const [code, words] of [
      ['BBBB-BBBB', 'There is no such code'],
      [used, 'was used already'],
    ] as const) {
      const page = await agent.open(`/device?user_code=${code}`);
      expect([code, page.status, page.html.includes(words)]).toEqual([code, 400, true]);
    }
  });

  it('limits the user codes that a source may try', async () => {
    const agent = new UserAgent(provider.url);
    const page = await agent.open('/device');
    let last = page;
    for (let tries = 0; tries < 30 && last.status !== 429; tries += 1)
      last = await agent.submit(await agent.open('/device'), { user_code: 'BCDF-GHJK' }, '/device');
    expect([last.status, last.html.includes('Too many failed attempts')]).toEqual([429, true]);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    const { user_code: right } = await beginDevice(provider, client);
    expect((await agent.open(`/device?user_code=${right}`)).status).toBe(429);
    await resetCounters(provider, 'guess:');
  });

  it('belongs to one client', async () => {
    const codes = await beginDevice(provider, client);
    const another = await provider.createClient(DEVICE);
    expect((await pollDevice(provider, another, codes.device_code)).body).toMatchObject({
      error: 'invalid_grant',
    });
    const web = await provider.createClient();
    expect((await post(provider, 'device_authorization', web, { scope: 'openid' })).body).toMatchObject({
      error: 'unauthorized_client',
    });
    expect((await pollDevice(provider, web, codes.device_code)).body).toMatchObject({
      error: 'unauthorized_client',
    });
  });
});

describe('device authorization in a browser', () => {
  let provider: Provider;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider();
    person = await provider.createPerson();
  });

  it.each([true, false])('works with openid-client (JavaScript: %s)', async (javaScriptEnabled) => {
    const { id } = await provider.createClient(DEVICE, { isPublic: true });
    const config = await openid.discovery(new URL(provider.url), id, undefined, openid.None(), {
      execute: [openid.allowInsecureRequests],
    });
    const begun = await openid.initiateDeviceAuthorization(config, { scope: 'openid email' });
    const tokens = openid.pollDeviceAuthorizationGrant(config, begun);
    const browser = await launchBrowser();
    const page = await (await browser.newContext({ locale: 'en-US', javaScriptEnabled })).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    if (javaScriptEnabled) await page.goto(begun.verification_uri_complete ?? '');
    else {
      await page.goto(begun.verification_uri);
      await page.getByLabel('Code on your device').fill(begun.user_code.toLowerCase());
      await page.getByRole('button', { name: 'Continue' }).click();
    }
    await page.getByText(begun.user_code).waitFor();
    await page.getByText('Only continue if you started this').waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByRole('heading', { name: 'Your device is signed in' }).waitFor();
    expect((await tokens).claims()?.sub).toBe(person.id);
    expect(complaints).toEqual([]);
  });

  describe('lists devices on the account page:', () => {
    const LISTED = /sessions\/([\w-]{10,})\/end/g;
    const listed = ({ html }: Page): string[] => [...html.matchAll(LISTED)].map(([, id]) => id ?? '');
    const naming = (page: Page, id: string): Page => ({
      ...page,
      html: page.html.replaceAll(LISTED, `sessions/${id}/end`),
    });
    const enter = async ({ email, password }: Person): Promise<UserAgent> => {
      const agent = new UserAgent(provider.url);
      await agent.submit(await agent.open('/account'), { identifier: email, password }, '/sign-in');
      return agent;
    };
    const createDevice = () => provider.createClient(DEVICE, { isPublic: true });
    const device = async (
      client: Client,
      person: Person,
      agent: UserAgent,
      scope = 'openid offline_access',
    ) => {
      const codes = await beginDevice(provider, client, { scope });
      await approveDevice(provider, person, codes.user_code, agent);
      const { status, body } = await pollDevice(provider, client, codes.device_code);
      expect(status).toBe(200);
      return body;
    };

    it('by app, and each can be ended by itself', async () => {
      const person = await provider.createPerson();
      const agent = await enter(person);
      const client = await createDevice();
      const [one, two] = [await device(client, person, agent), await device(client, person, agent)];
      const page = await agent.open('/account/sessions');
      expect(page.html.match(/<bdi>Test client<\/bdi>/g)).toHaveLength(2);
      expect(page.html.match(/Signed in with a code/g)).toHaveLength(2);
      expect(page.html).not.toContain('Shares its access');
      const [last = '', first = ''] = listed(page);

      // Of another person, and twice from another tab.
      const other = await provider.createPerson();
      await enter(other);
      const stranger = await enter(other);
      await stranger.submit(naming(await stranger.open('/account/sessions'), last), {}, `${last}/end`);
      expect((await refresh(provider, client, two.refresh_token)).status).toBe(200);
      const ended = await Promise.all([1, 2].map(() => agent.submit(naming(page, last), {}, `${last}/end`)));
      for (const { status, html } of ended)
        expect([status, html.includes('is signed out')]).toEqual([200, true]);
      expect(listed(await agent.open('/account/sessions'))).toContain(first);
      expect(listed(await agent.open('/account/sessions'))).not.toContain(last);
      expect((await introspect(provider, client, two.access_token)).body).toEqual({ active: false });
      expect((await introspect(provider, client, one.access_token)).body).toMatchObject({ active: true });
      expect((await refresh(provider, client, one.refresh_token)).status).toBe(200);

      await agent.submit(await agent.open('/account/sessions'), {}, '/end-others');
      expect((await introspect(provider, client, one.access_token)).body).toEqual({ active: false });
      const left = await agent.open('/account/sessions');
      expect([listed(left), left.html.includes('Test client')]).toEqual([[], false]);
    });

    it('those without offline_access end with the browser’s session, which the page says', async () => {
      const person = await provider.createPerson();
      const approving = await enter(person);
      const agent = await enter(person);
      const client = await createDevice();
      const scope = 'openid profile';
      const one = await device(client, person, approving, scope);
      const page = await agent.open('/account/sessions');
      expect(page.html).toContain(
        'Shares its access with the browser that approved it: signing out also signs',
      );
      const [id = ''] = listed(page);
      await agent.submit(naming(page, id), {}, `${id}/end`);
      expect((await refresh(provider, client, one.refresh_token)).body).toMatchObject({
        error: 'invalid_grant',
      });
      expect((await approving.open('/account')).url.pathname).toBe('/account');

      const two = await device(client, person, approving, scope);
      const kept = await device(client, person, approving);
      expect(listed(await agent.open('/account/sessions'))).toHaveLength(3);
      await approving.submit(await approving.open('/account'), {}, '/sign-out');
      expect((await refresh(provider, client, two.refresh_token)).body).toMatchObject({
        error: 'invalid_grant',
      });
      expect((await refresh(provider, client, kept.refresh_token)).status).toBe(200);
      const left = await agent.open('/account/sessions');
      expect([listed(left).length, left.html.includes('Shares its access')]).toEqual([1, false]);
    });

    it('none is approved by a browser that is being signed out', async () => {
      const person = await provider.createPerson();
      const client = await createDevice();
      await device(client, person, await enter(person));
      const agent = await enter(person);
      const pending = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const thief = await enter(person);
          const codes = await beginDevice(provider, client);
          const confirm = await thief.submit(
            await thief.open('/device'),
            { user_code: codes.user_code },
            '/device',
          );
          return { codes, approve: () => thief.submit(confirm, { confirm: 'yes' }, '/device') };
        }),
      );
      const page = await agent.open('/account/sessions');
      await Promise.all([...pending.map(({ approve }) => approve()), agent.submit(page, {}, '/end-others')]);
      for (const { codes } of pending)
        expect((await pollDevice(provider, client, codes.device_code)).status).toBe(400);
      expect((await agent.open('/account/sessions')).html).not.toContain('Test client');
    });

    it('none is approved in a session that ends just then', async () => {
      const person = await provider.createPerson();
      const client = await createDevice();
      const agent = await enter(person);
      const codes = await beginDevice(provider, client, { scope: 'openid offline_access' });
      const confirm = await agent.open(codes.verification_uri_complete);
      const consent = await agent.submit(confirm, { confirm: 'yes' }, '/device');
      await provider.sql(`create function end_session() returns trigger language plpgsql as $$
        begin new.consumed_at = now(); return new; end $$`);
      await provider.sql(`create trigger end_session before insert or update on oidc_records for each row
        when (new.model = 'Session') execute function end_session()`);
      await agent.submit(consent, { decision: 'allow' }, '/consent');
      await provider.sql('drop trigger end_session on oidc_records');
      expect((await pollDevice(provider, client, codes.device_code)).status).toBe(400);
      expect(listed(await (await enter(person)).open('/account/sessions'))).toEqual([]);
    });
  });
});
