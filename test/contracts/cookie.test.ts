import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Visitor } from '../../src/http/contracts/conformance.ts';
import { launchBrowser } from '../support/browser.ts';
import { type ContractServer, sendToHost, startContractServer, visitorAt } from './support/server.ts';
import { flows, refreshCookie } from './support/members.ts';

const HOST = 'auth.example.test';
const { join, refresh } = flows.cookie;

/** Name, value and attributes of each cookie, with attributes in lower case. */
const parse = (cookies: string[]) =>
  Object.fromEntries(
    cookies.map((cookie) => {
      const [pair = '', ...attributes] = cookie.split('; ');
      const [name = '', value = ''] = pair.split('=');
      return [name, { value, attributes: attributes.map((one) => one.toLowerCase()).sort() }];
    }),
  );

describe('the cookies of the contract `cookie`', () => {
  let server: ContractServer;
  let visitor: Visitor;
  beforeAll(async () => {
    server = await startContractServer({ contracts: { hosts: { [HOST]: 'cookie' } } });
    visitor = server.visitor('cookie');
  });

  const login = async (at: Visitor) => {
    const member = await join(visitor);
    return parse((await flows.cookie.login(at, member, 200)).headers.getSetCookie());
  };

  it('hide the refresh token from scripts, and send it to /auth only', async () => {
    const { refresh_token: token, csrf_token: csrf } = await login(visitor);
    const lasting = ['expires=', 'samesite=lax'];
    const fixed = (attributes: string[]) => attributes.map((one) => one.replace(/(expires=).*/, '$1'));
    expect(fixed(token!.attributes)).toEqual([
      'expires=',
      'httponly',
      'path=/contracts/cookie/auth',
      'samesite=lax',
    ]);
    expect(fixed(csrf!.attributes)).toEqual([...lasting, 'path=/'].sort());
    const expires = Date.parse(token!.attributes[0]!.slice('expires='.length));
    expect(Math.round((expires - Date.now()) / 86_400_000)).toBe(7);
  });

  it('have the path at which the contract is mounted', async () => {
    const paths = async (at: Visitor) =>
      (await login(at))['refresh_token']!.attributes.find((one) => one.startsWith('path='));
    expect(await paths(visitorAt('cookie', server.url, undefined))).toBe('path=/auth');
    expect(
      await paths(visitorAt('cookie', server.url, undefined, sendToHost(server.postern.port, HOST))),
    ).toBe('path=/auth');
  });

  it('are cleared by a logout and by an invalid refresh token', async () => {
    const member = await join(visitor);
    const gone = (cookies: string[]) => Object.values(parse(cookies)).every(({ value }) => value === '');
    const out = await flows.cookie.logout!(visitor, member);
    expect(gone(out.headers.getSetCookie())).toBe(true);
    const again = await refresh!(visitor, member.refreshToken, 401);
    expect(again.headers.getSetCookie()).toHaveLength(2);
    expect(gone(again.headers.getSetCookie())).toBe(true);
  });

  it('are enough to log out after the access token has expired', async () => {
    const member = await join(visitor);
    const headers = { Cookie: `refresh_token=${member.refreshToken}` };
    await visitor.call('logout', { headers, bearer: 'expired.long.ago' }, { status: 200 });
    await refresh!(visitor, member.refreshToken, 401);
    await flows.cookie.use!(visitor, member.token, 401);
  });

  describe('and requests from elsewhere:', () => {
    type Sender = [title: string, headers: Record<string, string>, status: number];
    const senders: Sender[] = [
      ['a program without origin headers', {}, 200],
      ['a page of the same origin', { 'Sec-Fetch-Site': 'same-origin', 'Origin': 'own' }, 200],
      ['a page of the same origin in an old browser', { Origin: 'own' }, 200],
      ['an address typed by the person', { 'Sec-Fetch-Site': 'none' }, 200],
      ['another site', { 'Sec-Fetch-Site': 'cross-site', 'Origin': 'https://elsewhere.example' }, 403],
      ['another site without an Origin header', { 'Sec-Fetch-Site': 'cross-site' }, 403],
      ['another site in an old browser', { Origin: 'https://elsewhere.example' }, 403],
      ['a sandboxed frame', { Origin: 'null' }, 403],
      ['a host that begins with the same name', { Origin: 'own.elsewhere.example' }, 403],
      ['a sibling subdomain', { 'Sec-Fetch-Site': 'same-site', 'Origin': 'https://www.example.test' }, 403],
    ];
    const real = (headers: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, value.replace(/^own/, server.url)]),
      );

    it.each(senders)('%s', async (_title, headers, status) => {
      const { refreshToken } = await join(visitor);
      const sent = { headers: { ...real(headers), Cookie: `refresh_token=${refreshToken}` } };
      const answer = await visitor.call('refresh', sent, { status });
      const Cookie = `refresh_token=${refreshCookie(answer) || refreshToken}`;
      await visitor.call('logout', { headers: { ...sent.headers, Cookie } }, { status });
      // A refused request changes nothing.
      await refresh!(visitor, refreshToken, status === 403 ? 200 : 401);
    });

    it('a sibling subdomain with the CSRF token is accepted', async () => {
      const { refresh_token: token, csrf_token: csrf } = await login(visitor);
      const { csrf_token: others } = await login(visitor);
      const from = {
        'Sec-Fetch-Site': 'same-site',
        'Cookie': `refresh_token=${token!.value}; csrf_token=${csrf!.value}`,
      };
      const tries: [string, number][] = [
        ['', 403],
        ['wrong', 403],
        [others!.value, 403],
        [csrf!.value, 200],
      ];
      for (const [proof, status] of tries)
        await visitor.call('refresh', { headers: { ...from, 'X-CSRF-Token': proof } }, { status });
    });

    it('a sibling subdomain that plants its own CSRF cookie is refused', async () => {
      const { refreshToken } = await join(visitor);
      const Cookie = `refresh_token=${refreshToken}; csrf_token=planted`;
      const headers = { Cookie, 'Sec-Fetch-Site': 'same-site', 'X-CSRF-Token': 'planted' };
      await visitor.call('refresh', { headers }, { status: 403 });
    });

    it('another site is refused even with a CSRF token', async () => {
      const { refresh_token: token, csrf_token: csrf } = await login(visitor);
      const headers = {
        'Cookie': `refresh_token=${token!.value}`,
        'Sec-Fetch-Site': 'cross-site',
        'X-CSRF-Token': csrf!.value,
      };
      await visitor.call('refresh', { headers }, { status: 403 });
    });
  });

  it('work in a browser for scripts of the same origin, and not for another site', async () => {
    const { username, password } = await join(visitor);
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(`${server.url}/health`);
    const post = (path: string, body?: object) =>
      page.evaluate(
        async ([url, text]) => {
          const headers = { 'Content-Type': 'application/json' };
          const reply = await fetch(url, { method: 'POST', ...(text ? { headers, body: text } : {}) });
          return { status: reply.status, body: await reply.json() };
        },
        [path, body && JSON.stringify(body)] as const,
      );
    expect(await post('/auth/token', { username, password })).toMatchObject({
      status: 200,
      body: { token_type: 'bearer', refresh_token: null },
    });
    expect(await page.evaluate('document.cookie')).toMatch(/^csrf_token=[\w-]{43}$/);
    expect((await post('/auth/token/refresh')).status).toBe(200);
    // The same server under another name is another site.
    await page.goto(`http://127.0.0.1:${server.postern.port}/health`);
    const foreign = page.waitForResponse((reply) => reply.url().endsWith('/auth/logout'));
    await page.setContent(
      `<form method="post" action="${server.url}/auth/logout"><button>Win</button></form>`,
    );
    await page.click('button');
    expect((await foreign).status()).toBe(401);
    await page.goto(`${server.url}/health`);
    expect((await post('/auth/token/refresh')).status).toBe(200);
    expect((await post('/auth/logout')).status).toBe(200);
    expect((await post('/auth/token/refresh')).status).toBe(401);
  });
});
