import { beforeEach, expect, it } from '@jest/globals';
import type { KoaContextWithOIDC } from 'oidc-provider';
import requests from 'oidc-provider/lib/helpers/als.js';
import { ReadAhead } from '../../src/oidc/read-ahead.ts';
import type { Related, RelatedIds } from '../../src/storage/oidc/postgres-related.ts';
import { userOf } from '../../src/storage/users.ts';

const ACCOUNT = '7b1f2a60-4f0e-4c3a-9d55-0a8f5c0e1b11';
const TOKEN = {
  grantId: 'grant',
  accountId: ACCOUNT,
  expiresWithSession: true,
  sessionUid: 'session',
};
const RELATED: Related = {
  grant: { jti: 'grant', accountId: ACCOUNT },
  session: { uid: 'session' },
  account: userOf({ id: ACCOUNT }),
};

const SESSION = { uid: 'session', accountId: ACCOUNT };

let asked: RelatedIds[];
let sessionsAsked: [id: string, clientId: string | null][];
let ahead: ReadAhead;
const session = async (id: string, clientId: string | null) => {
  sessionsAsked.push([id, clientId]);
  if (id === 'unknown') return undefined;
  return {
    session: SESSION,
    ids: { grantId: clientId && 'grant', sessionUid: null, accountId: ACCOUNT },
    related: RELATED,
  };
};
beforeEach(() => {
  asked = [];
  sessionsAsked = [];
  ahead = new ReadAhead({
    async related(ids) {
      asked.push({ ...ids });
      return RELATED;
    },
    refreshToken: async (id) =>
      id === 'unknown'
        ? undefined
        : { token: { ...TOKEN, ...(id === 'odd' && { accountId: 'other' }) }, related: RELATED },
    session,
    grant: async (id) => (id === 'unknown' ? undefined : RELATED),
  });
});

/** Runs `work` in a request to the endpoint. */
const at = <T>(route: string, work: () => T, query: object = {}): T =>
  requests.run({ oidc: { route }, query } as unknown as KoaContextWithOIDC, work);

it.each([
  ['token', ACCOUNT],
  ['userinfo', ACCOUNT],
  ['introspection', null],
])('reads at %s what a token names, and the account where it is wanted', (route, accountId) => {
  at(route, () => ahead.start('AccessToken', TOKEN));
  expect(asked).toEqual([{ grantId: 'grant', sessionUid: 'session', accountId }]);
});

it.each([
  ['another endpoint', 'revocation', 'AccessToken', TOKEN],
  ['a token without a grant', 'introspection', 'AccessToken', { clientId: 'app' }],
  ['another model', 'token', 'DeviceCode', TOKEN],
  ['nothing', 'token', 'AccessToken', undefined],
])('reads nothing for %s', (_what, route, model, found) => {
  at(route, () => ahead.start(model, found));
  expect(asked).toEqual([]);
});

it('leaves out the session of a token that does not end with it', () => {
  at('token', () => ahead.start('AuthorizationCode', { ...TOKEN, expiresWithSession: false }));
  expect(asked).toEqual([{ grantId: 'grant', sessionUid: null, accountId: ACCOUNT }]);
});

it('finds a session with its account and its grant for the app that asks', () =>
  at(
    'authorization',
    async () => {
      expect(await ahead.browserSession('mine')).toBe(SESSION);
      expect(sessionsAsked).toEqual([['mine', 'app']]);
      expect(ahead.browserSession('mine')).toBeUndefined();
      expect(await ahead.grant('grant')).toBe(RELATED.grant);
      expect(await ahead.account(ACCOUNT)).toBe(RELATED.account);
    },
    { client_id: 'app' },
  ));

it('finds a session for no app at a page, and where two are named', async () => {
  const page = { query: { client_id: 'app' } } as unknown as KoaContextWithOIDC;
  await requests.run(page, async () => {
    expect(await ahead.browserSession('mine')).toBe(SESSION);
    expect(await ahead.account(ACCOUNT)).toBe(RELATED.account);
  });
  await at('authorization', () => ahead.browserSession('mine'), { client_id: ['app', 'app'] });
  expect(sessionsAsked).toEqual([
    ['mine', null],
    ['mine', null],
  ]);
});

it('leaves sessions to their store elsewhere, and has nothing for one that is not found', async () => {
  at('end_session', () => expect(ahead.browserSession('mine')).toBeUndefined());
  expect(ahead.browserSession('mine')).toBeUndefined();
  await at('authorization', async () => {
    expect(await ahead.browserSession('unknown')).toBeUndefined();
    expect(ahead.account(ACCOUNT)).toBeUndefined();
  });
});

it('answers each question of its request once, by the id that was read', async () => {
  await at('userinfo', async () => {
    ahead.start('AccessToken', TOKEN);
    expect([ahead.grant('other'), ahead.session('other'), ahead.account('other')]).toEqual(
      Array(3).fill(undefined),
    );
    expect(await ahead.grant('grant')).toBe(RELATED.grant);
    expect(await ahead.session('session')).toBe(RELATED.session);
    expect(await ahead.account(ACCOUNT)).toBe(RELATED.account);
    expect([ahead.grant('grant'), ahead.session('session'), ahead.account(ACCOUNT)]).toEqual(
      Array(3).fill(undefined),
    );
  });
  at('userinfo', () => expect(ahead.grant('grant')).toBeUndefined());
  expect(ahead.grant('grant')).toBeUndefined();
});

it('reads a grant that a token request begins with along with its account', async () => {
  await at('token', async () => {
    expect(await ahead.grant('grant')).toBe(RELATED.grant);
    expect(ahead.grant('grant')).toBeUndefined();
    expect(await ahead.account(ACCOUNT)).toBe(RELATED.account);
  });
  await at('token', async () => {
    expect(await ahead.grant('unknown')).toBeUndefined();
    expect(ahead.account(ACCOUNT)).toBeUndefined();
  });
});

it('forgets what the request has changed since', () =>
  at('token', () => {
    ahead.start('AccessToken', TOKEN);
    ahead.forget();
    expect([ahead.grant('grant'), ahead.session('session'), ahead.account(ACCOUNT)]).toEqual(
      Array(3).fill(undefined),
    );
  }));

it('passes a failure to whoever asks', async () => {
  ahead = new ReadAhead({
    related: async () => {
      throw new Error('away');
    },
    refreshToken: async () => undefined,
    session,
    grant: async () => undefined,
  });
  await at('token', async () => {
    ahead.start('AccessToken', TOKEN);
    await expect(ahead.grant('grant')).rejects.toThrow('away');
  });
});

it('finds a refresh token along with what it names, the account only if it is that of the grant', async () => {
  await at('token', async () => {
    expect(await ahead.refreshToken('mine')).toEqual(TOKEN);
    expect(ahead.refreshToken('mine')).toBeUndefined();
    expect(await ahead.grant('grant')).toBe(RELATED.grant);
    expect(await ahead.account(ACCOUNT)).toBe(RELATED.account);
  });
  await at('token', async () => {
    expect(await ahead.refreshToken('odd')).toMatchObject({ accountId: 'other' });
    expect(ahead.account('other')).toBeUndefined();
  });
  await at('token', async () => expect(await ahead.refreshToken('unknown')).toBeUndefined());
  at('revocation', () => expect(ahead.refreshToken('mine')).toBeUndefined());
});
