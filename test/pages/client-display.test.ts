import { expect, test } from '@jest/globals';
import { displayClient, monogram } from '../../src/http/pages/client-display.ts';
import { oneLine } from '../../src/core/text.ts';

const client = (metadata: object) => displayClient({ clientId: 'id', ...metadata }, true);

test('a client without a name is shown by its id', () => {
  expect(client({}).name).toBe('id');
  expect(client({ clientName: ' \u200b\t' }).name).toBe('id');
});

test('a client name is shown on one line without invisible characters', () => {
  expect(oneLine('  Acme\u0000\n Re\u202eports\u2066 \ud800')).toBe('Acme Re ports');
  expect(oneLine('ab\u0301c')).toBe('ab\u0301c');
});

test('a client name is truncated between visible characters', () => {
  expect(oneLine('👩‍🚀'.repeat(3))).toBe('👩‍🚀'.repeat(3));
  expect(oneLine('x'.repeat(500))).toBe(`${'x'.repeat(60)}…`);
});

test('the initial of a client name is its first letter, or a question mark', () => {
  expect(monogram('éclair')).toBe('É');
  expect(monogram('“北京”')).toBe('北');
  expect(monogram('***')).toBe('?');
});

test.each([
  ['https://acme.example/logo.png', true, true],
  ['http://acme.example/logo.png', true, false],
  ['http://acme.example/logo.png', false, false],
  ['http://localhost:3000/logo.png', false, true],
  ['http://127.0.0.1:3000/logo.png', false, true],
  ['http://localhost:3000/logo.png', true, false],
  ['javascript:alert(1)', false, false],
  ['data:image/svg+xml,<svg/>', false, false],
  ['https://user:pass@acme.example/', false, false],
  ['/relative.png', false, false],
])('the logo %s (production: %s) is shown: %s', (logoUri, production, shown) => {
  expect(displayClient({ clientId: 'id', logoUri }, production).logo).toBe(shown ? logoUri : undefined);
});

test.each([
  'javascript:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'ftp://acme.example/',
  'not a url',
])('no page links to %s', (uri) => {
  const { policy, tos, uri: home } = client({ policyUri: uri, tosUri: uri, clientUri: uri });
  expect([policy, tos, home]).toEqual([undefined, undefined, undefined]);
});
