import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Letters, readLetters } from '../account/support/mail.ts';
import { authorizationUrl } from '../oidc/support/flow.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { runCli } from '../support/postern.ts';
import {
  signInAtProvider,
  heading,
  isSignedIn,
  redirectOf,
  SECRET,
  secretFile,
  signInBy,
  STANDALONE,
  upstreamsAt,
} from './support/sign-in.ts';
import { type OtherProvider, startOtherProvider } from './support/other-provider.ts';

const OUTBOUND = { allow: ['localhost'] };

let down: Provider;
let letters: Letters;
let other: OtherProvider;
beforeAll(async () => {
  other = await startOtherProvider();
  down = await startProvider({
    stores: 'PostgreSQL',
    env: SECRET,
    settings: { outbound: OUTBOUND, upstreams: upstreamsAt(other) },
  });
  letters = readLetters(down.postern);
});
beforeEach(() => other.reset());

const newAgent = () => new UserAgent(down.url);

describe('an answer from an upstream provider', () => {
  const person = () => ({ sub: 'somebody', email: 'somebody@example.test', email_verified: true });
  const expectNobody = async (agent: UserAgent) => {
    expect(await isSignedIn(agent)).toBe(false);
    expect(await down.operator.accounts.findByEmail('somebody@example.test')).toBeNull();
  };

  const wrong: Record<string, { set: () => void; title: string; status: number }> = {
    'a refusal': {
      set: () => (other.back = { code: null, error: 'access_denied' }),
      title: 'Odd did not sign you in',
      status: 400,
    },
    'a failure there': {
      set: () => (other.back = { code: null, error: 'temporarily_unavailable' }),
      title: 'Odd cannot be reached',
      status: 503,
    },
    'a token endpoint that is down': {
      set: () => (other.tokenStatus = 502),
      title: 'Odd cannot be reached',
      status: 503,
    },
    'a code that is not taken': {
      set: () => (other.tokenStatus = 400),
      title: 'That did not work',
      status: 400,
    },
    'another issuer in the answer': {
      set: () => (other.back = { iss: 'https://attacker.example.test' }),
      title: 'That did not work',
      status: 400,
    },
    'another issuer in the ID token': {
      set: () => (other.idToken = { iss: 'https://attacker.example.test' }),
      title: 'That did not work',
      status: 400,
    },
    'an ID token for somebody else': {
      set: () => (other.idToken = { aud: 'another-client' }),
      title: 'That did not work',
      status: 400,
    },
    'another nonce': {
      set: () => (other.idToken = { nonce: 'stale' }),
      title: 'That did not work',
      status: 400,
    },
    'a signature of another key': {
      set: () => (other.forges = true),
      title: 'That did not work',
      status: 400,
    },
    'another state': {
      set: () => (other.back = { state: 'x'.repeat(43) }),
      title: 'This sign-in is over',
      status: 400,
    },
    'a subject with NUL': {
      set: () => (other.who = { ...person(), sub: 'some\0body' }),
      title: 'That did not work',
      status: 400,
    },
    'no state': { set: () => (other.back = { state: null }), title: 'This sign-in is over', status: 400 },
  };
  it.each(Object.keys(wrong))('is refused with an explanation: %s', async (name) => {
    other.who = person();
    const agent = newAgent();
    wrong[name]?.set();
    const page = await agent.open(await signInAtProvider(agent, `${STANDALONE}odd`));
    expect([heading(page), page.status]).toEqual([wrong[name]?.title, wrong[name]?.status]);
    await expectNobody(agent);
  });

  it('is accepted once', async () => {
    other.who = { sub: 'once', email: 'once@example.test', email_verified: true };
    const agent = newAgent();
    const back = await signInAtProvider(agent, `${STANDALONE}odd`);
    const onward = redirectOf(await agent.open(back));
    expect(heading(await agent.open(back))).toBe('This sign-in is over');
    expect((await agent.open(onward)).url.pathname).toBe('/account');
    expect(heading(await agent.open(onward))).toBe('This sign-in is over');
  });

  it('is refused in another browser', async () => {
    other.who = person();
    const back = await signInAtProvider(newAgent(), `${STANDALONE}odd`);
    const victim = newAgent();
    expect(heading(await victim.open(back))).toBe('This sign-in is over');
    await expectNobody(victim);
  });

  it('is refused at the callback of another provider', async () => {
    other.who = person();
    const agent = newAgent();
    const back = await signInAtProvider(agent, `${STANDALONE}odd`);
    const mixed = back.replace('/upstream/odd/', '/upstream/hub/');
    expect(heading(await agent.open(mixed))).toBe('This sign-in is over');
    await expectNobody(agent);
  });

  it.each([
    [502, 'Hub cannot be reached', 503],
    [404, 'That did not work', 400],
  ])('is no identity if the service answers %i', async (userStatus, title, status) => {
    Object.assign(other, { who: { id: 51, login: 'octo' }, userStatus });
    const page = await signInBy(newAgent(), `${STANDALONE}hub`);
    expect([heading(page), page.status]).toEqual([title, status]);
  });

  it('is refused to somebody who is signed in and did not sign in there again', async () => {
    other.who = { sub: 'again', email: 'again@example.test', email_verified: true };
    const agent = newAgent();
    await signInBy(agent, `${STANDALONE}odd`);
    expect(other.asked.get('max_age')).toBeNull();
    const now = Math.floor(Date.now() / 1000);
    for (const [auth_time, title] of [
      [now - 60, 'That did not work'],
      [now, undefined],
    ]) {
      Object.assign(other.who, { auth_time });
      const page = await agent.open(await signInAtProvider(agent, `${STANDALONE}odd`));
      expect(other.asked.get('max_age')).toBe('0');
      if (title === undefined) expect(redirectOf(page)).toContain('/sign-in/upstream');
      else expect(heading(page)).toBe(title);
    }
  });

  it('with an unverified address creates an account whose address is still to be verified', async () => {
    other.who = { sub: 'unsure', email: 'unsure@example.test', email_verified: false };
    const agent = newAgent();
    await signInBy(agent, `${STANDALONE}odd`);
    expect(await isSignedIn(agent)).toBe(true);
    const account = await down.operator.accounts.findByEmail('unsure@example.test');
    expect(account).toMatchObject({ emailVerifiedAt: null, ownerProvenAt: null });
    await letters.link('unsure@example.test', '/verify-email');
  });

  it('leads back to the authorization request', async () => {
    const agent = newAgent();
    const app = await down.createClient();
    const start = await agent.open(authorizationUrl(down, app));
    const [, href = ''] = /href="([^"]*with=odd)"/.exec(start.html) ?? [];
    other.back = { code: null, error: 'access_denied' };
    const page = await agent.open(await signInAtProvider(agent, href));
    expect(page.html).toContain(`href="/interaction/`);
  });
});
describe('postern upstream', () => {
  const cli = (...args: string[]) => runCli(['upstream', ...args], { env: down.postern.env });
  const buttons = async () => (await newAgent().open('/sign-in')).html;

  it('adds a provider to the running server, and removes it', async () => {
    const file = await secretFile('a secret from a file');
    const created = await cli(
      'create',
      '--json',
      '--id',
      'late',
      '--name',
      'Latecomer',
      '--issuer',
      `${other.url}/oidc`,
      '--client-id',
      'postern',
      '--client-secret-file',
      file,
      '--trust-email',
    );
    expect(created).toMatchObject({ code: 0 });
    expect(created.stdout).not.toContain('secret');
    while (!(await buttons()).includes('Sign in with Latecomer')) await new Promise((r) => setTimeout(r, 50));
    other.who = { sub: 'late', email: 'late@example.test', email_verified: true };
    const agent = newAgent();
    await signInBy(agent, `${STANDALONE}late`);
    expect(await isSignedIn(agent)).toBe(true);
    const [row] = await down.sql("select secret from upstreams where id = 'late'");
    expect(String(row?.['secret'])).not.toContain('secret');

    const listed = JSON.parse((await cli('list', '--json')).stdout) as { upstreams: { id: string }[] };
    expect(listed.upstreams.map(({ id }) => id)).toEqual(['hub', 'odd', 'late']);
    expect(await cli('delete', 'late')).toMatchObject({ code: 0 });
    while ((await buttons()).includes('Latecomer')) await new Promise((r) => setTimeout(r, 50));
  });

  it('refuses an invalid provider', async () => {
    const file = await secretFile('a secret from a file');
    const base = ['create', '--name', 'N', '--client-id', 'c', '--client-secret-file', file];
    const taken = await cli(...base, '--id', 'odd', '--issuer', 'https://accounts.example.com');
    expect(taken).toMatchObject({ code: 1 });
    for (const args of [
      ['--id', 'a b', '--issuer', 'https://accounts.example.com'],
      ['--id', 'none'],
      ['--id', 'both', '--issuer', 'https://a.example', '--token-endpoint', 'https://a.example/token'],
      ['--id', 'odd-url', '--issuer', 'javascript:alert(1)'],
    ]) {
      expect(await cli(...base, ...args)).toMatchObject({ code: 2 });
    }
  });
});
it('a sign-in through an upstream creates no account if registration is closed', async () => {
  const closed = await startProvider({
    env: SECRET,
    settings: { outbound: OUTBOUND, registration: { open: false }, upstreams: upstreamsAt(other) },
  });
  other.who = { sub: 'newcomer', email: 'newcomer@example.test', email_verified: true };
  const agent = new UserAgent(closed.url);
  const page = await signInBy(agent, `${STANDALONE}odd`);
  expect(page.status).toBe(403);
  expect(heading(page)).toBe('No account here is connected to it');
  expect(await closed.operator.accounts.findByEmail('newcomer@example.test')).toBeNull();
});
