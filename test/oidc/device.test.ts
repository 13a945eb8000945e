import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { sha256 } from '../../src/kernel/ids.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Postern, startPostern } from '../support/postern.ts';
import { atOnce, post, type Reply, type Tokens, userinfo } from './support/flow.ts';
import { age, everything, forgetCounts } from './support/kept.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { type Page, UserAgent } from './support/user-agent.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const DEVICE = {
  grant_types: [DEVICE_CODE, 'refresh_token'],
  response_types: [],
  redirect_uris: [],
};

interface Codes {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

const begin = async (
  provider: Pick<Provider, 'url'>,
  client: Client,
  parameters: Record<string, string> = {},
): Promise<Codes> => {
  const { status, body } = await post<Codes>(provider, 'device_authorization', client, {
    scope: 'openid profile offline_access',
    ...parameters,
  });
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
};

const poll = (provider: Pick<Provider, 'url'>, client: Client, code: string): Promise<Reply<Tokens>> =>
  post<Tokens>(provider, 'token', client, { grant_type: DEVICE_CODE, device_code: code });

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1]?.replace(/<[^>]*>/g, '');

const signIn = (agent: UserAgent, page: Page, { email, password }: Person): Promise<Page> =>
  agent.submit(page, { identifier: email, password }, '/sign-in');

/** Types the code, continues, and answers what the interaction asks. */
async function approve(
  provider: Pick<Provider, 'url'>,
  person: Person,
  code: string,
  agent = new UserAgent(provider.url),
): Promise<Page> {
  const confirm = await agent.submit(await agent.open('/device'), { user_code: code }, '/device');
  let page = await agent.submit(confirm, { confirm: 'yes' }, '/device');
  if (page.html.includes('name="password"')) page = await signIn(agent, page, person);
  if (page.html.includes('value="allow"')) page = await agent.submit(page, { decision: 'allow' }, '/consent');
  return page;
}

describe.each(STORES)('device authorization on %s', (stores) => {
  let provider: Provider;
  let other: Postern;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    const { PORT: _port, ...env } = provider.postern.env;
    [client, person, other] = await Promise.all([
      provider.createClient(DEVICE, { isPublic: true }),
      provider.createPerson(),
      startPostern({ env }),
    ]);
  });

  it('gives tokens once a person has approved, for the very login', async () => {
    const codes = await begin(provider, client);
    expect(codes).toEqual({
      device_code: expect.any(String),
      user_code: expect.stringMatching(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/),
      verification_uri: `${provider.url}/device`,
      verification_uri_complete: `${provider.url}/device?user_code=${codes.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect((await poll(provider, client, codes.device_code)).body).toMatchObject({
      error: 'authorization_pending',
    });
    expect((await poll(provider, client, codes.device_code)).body).toMatchObject({ error: 'slow_down' });

    const done = await approve(provider, person, codes.user_code);
    expect([done.status, heading(done)]).toEqual([200, 'Your device is signed in']);
    const { status, body } = await poll(provider, client, codes.device_code);
    expect([status, body]).toEqual([200, expect.objectContaining({ token_type: 'Bearer' })]);
    expect(decodeJwt(body.id_token)).toMatchObject({ sub: person.id, aud: client.id, amr: ['pwd'] });
    expect(body.refresh_token).toEqual(expect.any(String));
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({ sub: person.id });
    await provider.audited('device.authorized', person.id);
    expect((await poll(provider, client, codes.device_code)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('gives one success to twenty parallel polls on two nodes, and takes it away from nobody', async () => {
    const { device_code: code, user_code: userCode } = await begin(provider, client);
    await approve(provider, person, userCode);
    const nodes = [provider, { url: `http://localhost:${other.port}` }];
    const replies = await atOnce(20, (index) => poll(nodes[index % 2] ?? provider, client, code));
    const won = replies.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    const lost = replies.filter(({ status }) => status !== 200);
    expect(new Set(lost.map(({ body }) => (body as unknown as { error: string }).error))).toEqual(
      new Set(['invalid_grant']),
    );
    const [{ body }] = won as [Reply<Tokens>];
    expect((await userinfo(provider, body.access_token)).status).toBe(200);
  });

  it('keeps neither code in clear', async () => {
    const { device_code: code, user_code: userCode } = await begin(provider, client);
    const kept = await everything(provider);
    expect(kept).toContain(sha256(code));
    for (const secret of [code, userCode, userCode.replace('-', '')]) expect(kept).not.toContain(secret);
  });

  it('is refused by the person', async () => {
    const codes = await begin(provider, client);
    const agent = new UserAgent(provider.url);
    const confirm = await agent.open(codes.verification_uri_complete);
    const refused = await agent.submit(confirm, { abort: 'yes' }, '/device');
    expect([refused.status, heading(refused)]).toEqual([200, 'The device was refused']);
    expect((await poll(provider, client, codes.device_code)).body).toMatchObject({ error: 'access_denied' });
    const again = await agent.open(codes.verification_uri_complete);
    expect([again.status, again.html.includes('was used already')]).toEqual([400, true]);
  });

  it('is refused at the consent page', async () => {
    const codes = await begin(provider, client);
    const agent = new UserAgent(provider.url);
    const confirm = await agent.open(codes.verification_uri_complete);
    const page = await agent.submit(confirm, { confirm: 'yes' }, '/device');
    const consent = await signIn(agent, page, await provider.createPerson());
    expect(consent.html).toContain('go on at your device');
    const refused = await agent.submit(consent, { decision: 'deny' }, '/consent');
    expect([refused.status, heading(refused)]).toEqual([200, 'The device was refused']);
    expect((await poll(provider, client, codes.device_code)).body).toMatchObject({ error: 'access_denied' });
  });

  it('knows the code however it is typed', async () => {
    const codes = await begin(provider, client);
    const agent = new UserAgent(provider.url);
    const [left = '', right = ''] = codes.user_code.toLowerCase().split('-');
    for (const typed of [`${left}${right}`, ` ${left} ${right} `, `${left}–${right}`, `${left}.${right}`]) {
      const page = await agent.submit(await agent.open('/device'), { user_code: typed }, '/device');
      expect([typed, page.status, page.html.includes(codes.user_code)]).toEqual([typed, 200, true]);
      expect(page.html).toContain('Test client');
      expect(page.html).toContain('Only continue if you started this');
      expect(page.html).toContain('127.0.0.1');
    }
  });

  it('says what is wrong with a code', async () => {
    const agent = new UserAgent(provider.url);
    const type = async (code: string) =>
      agent.submit(await agent.open('/device'), { user_code: code }, '/device');
    const { user_code: expired, device_code: expiredCode } = await begin(provider, client);
    const { user_code: used } = await begin(provider, client);
    await approve(provider, person, used);
    await age(provider, 'DeviceCode', expiredCode);
    for (const [code, words] of [
      ['', 'Enter the code that your device shows'],
      ['BBBB-BBBB', 'There is no such code'],
      ['<b>&"', 'There is no such code'],
      [used, 'was used already'],
      [expired, 'has expired'],
    ] as const) {
      const page = await type(code);
      expect([code, page.status, page.html.includes(words)]).toEqual([code, 400, true]);
      expect(page.html).not.toContain('<b>');
    }
    expect((await poll(provider, client, expiredCode)).body).toMatchObject({ error: 'expired_token' });
  });

  it('lets nobody try many codes', async () => {
    const agent = new UserAgent(provider.url);
    const page = await agent.open('/device');
    let last = page;
    for (let tries = 0; tries < 30 && last.status !== 429; tries += 1)
      last = await agent.submit(await agent.open('/device'), { user_code: 'BCDF-GHJK' }, '/device');
    expect([last.status, last.html.includes('Too many failed tries')]).toEqual([429, true]);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    const { user_code: right } = await begin(provider, client);
    expect((await agent.open(`/device?user_code=${right}`)).status).toBe(429);
    await forgetCounts(provider, 'guess:');
  });

  it('is of one client alone', async () => {
    const codes = await begin(provider, client);
    const another = await provider.createClient(DEVICE);
    expect((await poll(provider, another, codes.device_code)).body).toMatchObject({
      error: 'invalid_grant',
    });
    const web = await provider.createClient();
    expect((await post(provider, 'device_authorization', web, { scope: 'openid' })).body).toMatchObject({
      error: 'unauthorized_client',
    });
    expect((await poll(provider, web, codes.device_code)).body).toMatchObject({
      error: 'unauthorized_client',
    });
  });
});

describe('with a browser', () => {
  let provider: Provider;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider();
    person = await provider.createPerson();
  });

  it.each([true, false])(
    'openid-client signs a device in (a page with JavaScript: %s)',
    async (javaScriptEnabled) => {
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
    },
  );
});
