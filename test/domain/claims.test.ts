import { describe, expect, test } from '@jest/globals';
import {
  parseAddress,
  parseBirthdate,
  parsePhoneNumber,
  parseShortLine,
  parseUrl,
  parseZoneinfo,
} from '../../src/domain/users/claims.ts';
import { errorOf } from './errors.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const refusal = (parse: () => unknown) => errorOf(Promise.resolve().then(parse));
const invalid = (field: string) => ({ code: 'invalid_request', field });

describe('a birthdate', () => {
  test.each(['1990-12-31', '0000-02-29', '2000-02-29', '1984', '2026-11-21', '2026'])(
    'may be %s',
    (value) => {
      expect(parseBirthdate('birthdate', value, NOW)).toBe(value);
    },
  );

  test('may be typed in full-width digits', () => {
    expect(parseBirthdate('birthdate', ' １９９０－１２－３１ ', NOW)).toBe('1990-12-31');
  });

  test.each([
    '',
    '31.12.1990',
    '1990-2-1',
    '1990-13-01',
    '1990-02-30',
    '2001-02-29',
    '1990-12',
    '0000',
    '0999',
    '90',
    '2026-11-23',
    '2027',
    '-1990-01-01',
    '1990-12-31T00:00:00Z',
    '1990-12-31\n1',
    'x'.repeat(100_000),
  ])('is refused if invalid: %#', async (value) => {
    expect(await refusal(() => parseBirthdate('birthdate', value, NOW))).toEqual(invalid('birthdate'));
  });
});

test.each([
  ['Europe/Berlin', 'Europe/Berlin'],
  ['america/argentina/buenos_aires', 'America/Argentina/Buenos_Aires'],
  ['UTC', 'UTC'],
  ['Etc/GMT+5', 'Etc/GMT+5'],
])('the time zone %s is stored as %s', (typed, zone) => {
  expect(parseZoneinfo('zoneinfo', typed).toLowerCase()).toBe(zone.toLowerCase());
});

test.each(['', '+01:00', 'Mars/Olympus', 'Europe', 'Europe/Berlin ', '../etc/passwd', 'x'.repeat(70)])(
  '%j is refused as a time zone',
  async (value) => {
    expect(await refusal(() => parseZoneinfo('zoneinfo', value))).toEqual(invalid('zoneinfo'));
  },
);

test.each([
  ['+49 30 1234567', '+49301234567'],
  ['+1 (212) 555–0123', '+12125550123'],
  ['＋81 90 1234 5678', '+819012345678'],
  ['+44/20/7946.0958', '+442079460958'],
])('the telephone number %s is stored as %s', (typed, number) => {
  expect(parsePhoneNumber('phoneNumber', typed)).toBe(number);
});

test.each(['', '030 1234567', '+0301234567', '+123', '+1234567890123456', '+49 30 CALL', 'x'.repeat(70)])(
  '%j is refused as a telephone number',
  async (value) => {
    expect(await refusal(() => parsePhoneNumber('phoneNumber', value))).toEqual(invalid('phoneNumber'));
  },
);

test.each(['https://example.com', 'https://example.com/a?b=c#d', 'https://müller.example/~max'])(
  'the URL %s is stored as typed',
  (value) => {
    expect(parseUrl('website', value)).toBe(value);
  },
);

test.each([
  '',
  'example.com',
  'http://example.com',
  'javascript:alert(1)',
  'data:text/html,x',
  'https://',
  'https://user:secret@example.com',
  'https://example.com/\n',
  'https://exa mple.com',
  ' https://example.com',
  `https://example.com/${'x'.repeat(2048)}`,
])('an invalid URL is refused: %#', async (value) => {
  expect(await refusal(() => parseUrl('picture', value))).toEqual(invalid('picture'));
});

test('the gender is a single line of text', async () => {
  expect(parseShortLine('gender', ' female ')).toBe('female');
  for (const value of ['', '  ', 'x'.repeat(61), 'a\nb', 'a\0', 'a\u202eb', `a${'\u0334'.repeat(60_000)}`])
    expect(await refusal(() => parseShortLine('gender', value))).toEqual(invalid('gender'));
});

test('a postal address keeps its filled fields, and several lines of a street', async () => {
  expect(
    parseAddress({ street_address: ' Unter den Linden 1\r\n\n3. OG ', locality: 'Berlin', region: ' ' }),
  ).toEqual({
    street_address: 'Unter den Linden 1\n3. OG',
    locality: 'Berlin',
  });
  expect(parseAddress({ country: '', region: null })).toBeNull();
  for (const [part, value] of [
    ['locality', 'Berlin\nMitte'],
    ['country', 'x'.repeat(201)],
    ['postal_code', 'a\0b'],
    ['street_address', '1\n2\n3\n4\n5'],
    ['region', 'x'.repeat(100_000)],
  ] as const)
    expect(await refusal(() => parseAddress({ [part]: value }))).toEqual(invalid(part));
});
