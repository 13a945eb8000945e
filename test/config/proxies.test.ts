import { expect, test } from '@jest/globals';
import { proxyProblems } from '../../src/config/proxies.ts';

test.each([[['128.0.0.0/1']], [['::/1']], [['10.0.0.0/8', '128.0.0.0/128.0.0.0']]])(
  'production refuses to trust every address as a proxy: %j',
  (proxies) => {
    expect(proxyProblems(proxies, true)).toEqual([
      expect.stringMatching(/^http.trustedProxies: trusts every/),
    ]);
    expect(proxyProblems(proxies, false)).toEqual([]);
  },
);

test.each([[[]], [['10.0.0.0/8', 'loopback', 'uniquelocal', '2001:db8::/32', '192.0.2.1']]])(
  'trustedProxies may be %j',
  (proxies) => expect(proxyProblems(proxies, true)).toEqual([]),
);

test('trustedProxies accepts only addresses and blocks', () => {
  for (const proxy of ['proxy.internal', '0.0.0.0/0', '::/0'])
    expect(proxyProblems([proxy], false)).toEqual([expect.stringMatching(/^http.trustedProxies: invalid/)]);
});
