import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  authorizationUrl,
  form,
  introspect,
  refresh,
  signIn,
  type Tokens,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const BACK = 'https://app.example.test/goodbye';

describe('RP-initiated logout', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  let tokens: Tokens;
  beforeAll(async () => {
    provider = await startProvider();
    [client, person] = await Promise.all([
      provider.createClient({ post_logout_redirect_uris: [BACK] }),
      provider.createPerson(),
    ]);
  });
  beforeEach(async () => {
    agent = new UserAgent(provider.url);
    tokens = await signIn(provider, client, person, { agent });
  });

  const open = (parameters: Record<string, string>) =>
    agent.open(`/oauth2/logout?${form(parameters).toString()}`);
  const isSignedIn = async () =>
    (await agent.open(authorizationUrl(provider, client, { prompt: 'none' }))).leftFor?.searchParams.has(
      'code',
    );

  it('asks, ends the session with what apps have from it, and returns with the state', async () => {
    const page = await open({ client_id: client.id, post_logout_redirect_uri: BACK, state: 'x y' });
    expect(page.status).toBe(200);
    expect(page.html).toContain('Sign out');
    expect(await isSignedIn()).toBe(true);

    const { leftFor } = await agent.submit(page, { logout: 'yes' });
    expect(leftFor?.href.split('?')[0]).toBe(BACK);
    expect(leftFor?.searchParams.get('state')).toBe('x y');
    expect(await isSignedIn()).toBe(false);
    expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 401 });
    expect(await refresh(provider, client, tokens.refresh_token)).toMatchObject({
      body: { error: 'invalid_grant' },
    });
    expect(await provider.audited('logout', person.id)).toMatchObject({ outcome: 'success', door: 'oidc' });
  });

  it('ends only this client’s tokens if the person stays signed in', async () => {
    const other = await provider.createClient();
    const kept = await signIn(provider, other, person, { agent });
    await agent.submit(await open({ client_id: client.id }), {});
    expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 401 });
    expect(await introspect(provider, other, kept.refresh_token)).toMatchObject({ body: { active: true } });
    expect(
      (await agent.open(authorizationUrl(provider, other, { prompt: 'none' }))).leftFor?.searchParams.has(
        'code',
      ),
    ).toBe(true);
  });

  it('keeps offline access', async () => {
    const away = await provider.createClient({ post_logout_redirect_uris: [BACK] });
    const offline = await signIn(provider, away, person, {
      agent,
      parameters: { scope: 'openid offline_access', prompt: 'consent' },
    });
    expect(await open({ id_token_hint: offline.id_token })).toMatchObject({ status: 200 });
    expect(await isSignedIn()).toBe(false);
    expect(await refresh(provider, away, offline.refresh_token)).toMatchObject({ status: 200 });
  });

  it.each(['public', 'pairwise'])(
    'does not ask if the hint names the signed-in person (%s)',
    async (kind) => {
      const one = await provider.createClient({ subject_type: kind, post_logout_redirect_uris: [BACK] });
      const { id_token: hint, access_token: token } = await signIn(provider, one, person, { agent });
      const page = await open({ id_token_hint: hint, post_logout_redirect_uri: BACK, state: 'x y' });
      expect([page.leftFor?.origin, page.leftFor?.searchParams.get('state')]).toEqual([
        'https://app.example.test',
        'x y',
      ]);
      expect(await isSignedIn()).toBe(false);
      expect(await userinfo(provider, token)).toMatchObject({ status: 401 });
    },
  );

  it('asks if the hint names somebody else, who stays signed in elsewhere', async () => {
    const other = await provider.createPerson();
    const elsewhere = new UserAgent(provider.url);
    const { id_token: hint } = await signIn(provider, client, other, { agent: elsewhere });
    const page = await open({ id_token_hint: hint, post_logout_redirect_uri: BACK });
    expect(page.html).toContain('Sign out');
    expect(await isSignedIn()).toBe(true);
    agent = elsewhere;
    expect(await isSignedIn()).toBe(true);
  });

  it.each(['public', 'pairwise'])(
    'without a cookie ends only the session named by the hint (%s)',
    async (kind) => {
      const one = await provider.createClient({ subject_type: kind, post_logout_redirect_uris: [BACK] });
      const { id_token: hint } = await signIn(provider, one, person, { agent });
      const elsewhere = new UserAgent(provider.url);
      await signIn(provider, one, person, { agent: elsewhere });
      const server = new UserAgent(provider.url);
      const url = `/oauth2/logout?${form({ id_token_hint: hint }).toString()}`;
      expect(await server.open(url)).toMatchObject({ status: 200, leftFor: null });
      expect(await isSignedIn()).toBe(false);
      agent = elsewhere;
      expect(await isSignedIn()).toBe(true);
      // The hint now names no session, and the redirect works all the same.
      const back = `${url}&${form({ post_logout_redirect_uri: BACK }).toString()}`;
      expect((await server.open(back)).leftFor?.href).toBe(BACK);
    },
  );

  it('accepts POST', async () => {
    const reply = await fetch(`${provider.url}/oauth2/logout`, {
      method: 'POST',
      body: form({ id_token_hint: tokens.id_token }),
      redirect: 'manual',
    });
    expect(reply.status).toBe(303);
    await agent.open(reply.headers.get('location') ?? '');
    expect(await isSignedIn()).toBe(false);
  });

  it('does not redirect to unregistered URIs', async () => {
    const page = await open({
      client_id: client.id,
      post_logout_redirect_uri: 'https://attacker.example.test/',
    });
    expect(page).toMatchObject({ status: 400, leftFor: null });
    expect(await isSignedIn()).toBe(true);
  });

  it('refuses a forged hint', async () => {
    const page = await open({
      id_token_hint: `${tokens.id_token.slice(0, -8)}AAAAAAAA`,
      post_logout_redirect_uri: BACK,
    });
    expect(page).toMatchObject({ status: 400, leftFor: null });
  });

  it('ignores a forged form', async () => {
    const page = await open({});
    const forged = { ...page, html: page.html.replace(/(name="xsrf" value=")[^"]*/, '$1forged') };
    expect(await agent.submit(forged, { logout: 'yes' })).toMatchObject({ status: 400 });
    expect(await isSignedIn()).toBe(true);
  });

  it('shows a page to a person who is not signed in and comes from no app', async () => {
    agent = new UserAgent(provider.url);
    const { status, html } = await agent.submit(await open({}), {});
    expect(status).toBe(200);
    expect(html).toContain('You are signed out');
  });

  it('redirects a person who is not signed in at once', async () => {
    agent = new UserAgent(provider.url);
    const page = await open({ client_id: client.id, post_logout_redirect_uri: BACK });
    expect(page.status).toBe(200);
    expect((await agent.submit(page, {})).leftFor?.href).toBe(BACK);
  });
});
