import { describe, expect, jest, test } from '@jest/globals';
import { parseEmail, parseLocale, parseName, parseUsername } from '../../src/domain/identifiers.ts';
import { createPasswordPolicy } from '../../src/domain/passwords/policy.ts';
import { isShared, sourceOf, sourceOfActor } from '../../src/domain/source.ts';
import { errorOf } from './errors.ts';

const outcome = (parse: () => unknown) => errorOf(Promise.resolve().then(parse));

describe('a username', () => {
  test.each([
    ['john.doe', 'john.doe'],
    ['Testuser', 'testuser'],
    ['STRASSE', 'strasse'],
    ['Straße', 'strasse'],
    ['ΟΔΟΣ', 'οδος'],
    ['李小龙', '李小龙'],
    ['ｗｉｄｅ', 'wide'],
    ['a_b-c', 'a_b-c'],
    ['x'.repeat(64), 'x'.repeat(64)],
  ])('%j has the key %j', (username, usernameKey) => {
    expect(parseUsername(username)).toEqual({ username: username.normalize('NFKC'), usernameKey });
  });

  test.each([
    ['', 'too_short'],
    ['ab', 'too_short'],
    ['x'.repeat(65), 'too_long'],
    ['me@example.com', 'invalid_characters'],
    ['two words', 'invalid_characters'],
    [' lead', 'invalid_characters'],
    ['trail ', 'invalid_characters'],
    ['.dot', 'invalid_characters'],
    ['nul\0l', 'invalid_characters'],
    ['half\ud83d', 'invalid_characters'],
    ['new\nline', 'invalid_characters'],
    ['zero\u200bwidth', 'invalid_characters'],
    ['filler\u3164', 'invalid_characters'],
    ['joiner\u034fed', 'invalid_characters'],
    ['horse🐎', 'invalid_characters'],
    // Cyrillic а and р among Latin letters.
    ['р\u0430ypal', 'mixed_scripts'],
  ])('%j is refused: %s', async (username, reason) => {
    expect(await outcome(() => parseUsername(username))).toEqual({
      code: 'invalid_username',
      field: 'username',
      reason,
    });
  });
});

describe('an email address', () => {
  test.each(['a@b.co', 'First.Last+tag@Sub.Example.COM', `${'l'.repeat(64)}@example.com`])(
    'may be %s',
    (email) => {
      expect(parseEmail(email)).toEqual({ email, emailKey: email.toLowerCase() });
    },
  );

  test.each([
    // Every character of atext (RFC 5322).
    ["a&b/c=d#e!f$g%h*i?j^k{l|m}n~o`p'q+r-s_t@example.com"],
    ['max@müller.example', 'max@xn--mller-kva.example'],
    ['max@xn--mller-kva.example', 'max@xn--mller-kva.example'],
    ['Max@MÜLLER.Example', 'max@xn--mller-kva.example', 'Max@müller.example'],
    ['ｍａｘ＠ｍüller。example', 'max@xn--mller-kva.example', 'max@müller.example'],
    ['Dörte@Sörensen.example', 'dörte@xn--srensen-90a.example', 'Dörte@sörensen.example'],
    ['do\u0308rte@so\u0308rensen.example', 'dörte@xn--srensen-90a.example', 'dörte@sörensen.example'],
    ['用户@例子.广告', '用户@xn--fsqu00a.xn--4rr70v'],
    ['ЮЗЕР@почта.рф', 'юзер@xn--80a1acny.xn--p1ai', 'ЮЗЕР@почта.рф'],
    ['अजय@डाटा.भारत', 'अजय@xn--c2bd1gb.xn--h2brj9c'],
    ['me@straße.example', 'me@xn--strae-oqa.example'],
    ['me@example.xn--p1ai', 'me@example.xn--p1ai'],
    // An invalid A-label, as older accounts may have it.
    ['me@xn--a.example', 'me@xn--a.example'],
  ])('%j has one key, however it is typed', (typed, key = typed, email = typed) => {
    expect(parseEmail(typed)).toEqual({ email, emailKey: key });
    expect(parseEmail(key).emailKey).toBe(key);
  });

  test.each([
    '',
    'nobody',
    '@example.com',
    '.a@example.com',
    'a.@example.com',
    'a b@example.com',
    'a(b)@example.com',
    'a@b@example.com',
    'a,b@example.com',
    '<a@example.com>',
    'a@example.com/x',
    'a@ex%61mple.com',
    'a@example.com:25',
    'a@example.com?x',
    'a@müller.example#x',
    'a@１２７.0.0.1',
    'a@127.0.0.1',
    'a@[127.0.0.1]',
    'a@example.com.',
    // Looks like another mailbox, or invisible.
    'ﬁ@example.com',
    'ſmith@example.com',
    'x²@example.com',
    'zero\u200bwidth@example.com',
    '\u202eevil@example.com',
    'a@exa\u00admple.com',
    `${'ö'.repeat(33)}@example.com`,
    'me@',
    'me@localhost',
    'me@@example.com',
    ' me@example.com',
    'me@example.com\n',
    'me\0@example.com',
    '"me"@example.com',
    'a..b@example.com',
    `${'l'.repeat(65)}@example.com`,
    `a@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(20)}.com`,
    'me@example.com\ud83d',
  ])('is refused: %j', async (email) => {
    expect(await outcome(() => parseEmail(email))).toEqual({ code: 'invalid_email', field: 'email' });
  });
});

test('display names are printable and of limited length', async () => {
  expect(parseName('name', "Zoë O'Neil-García 李")).toBe("Zoë O'Neil-García 李");
  expect(parseName('name', 'e\u0301')).toBe('é');
  for (const name of ['', '  ', 'x'.repeat(201), 'a\0b', 'a\nb', 'a\ud83d', 'a\u202eb', 'a\u2028b']) {
    expect(await outcome(() => parseName('givenName', name))).toEqual({
      code: 'invalid_request',
      field: 'givenName',
    });
  }
});

describe('an overlong name', () => {
  /** 60 KB of combining marks in the wrong order: normalization takes a second. */
  const MARKS = `a${'\u0345'.repeat(15_000)}${'\u0334'.repeat(15_000)}`;

  test('is refused before normalization', async () => {
    const normalize = jest.spyOn(String.prototype, 'normalize');
    expect(await outcome(() => parseUsername(MARKS))).toMatchObject({ reason: 'too_long' });
    expect(await outcome(() => parseName('name', MARKS))).toMatchObject({ field: 'name' });
    expect(await outcome(() => parseEmail(`${MARKS}@example.com`))).toMatchObject({ code: 'invalid_email' });
    const policy = createPasswordPolicy({ minLength: 8, maxLength: 128 });
    expect(await errorOf(policy.check(MARKS, {}))).toMatchObject({ reason: 'too_long' });
    expect(normalize).not.toHaveBeenCalled();
    normalize.mockRestore();
  });

  test('is measured in composed characters: 64 with three marks each are a valid username', () => {
    const decomposed = 'ᾂ'.repeat(64).normalize('NFD');
    expect(decomposed).toHaveLength(256);
    expect(parseUsername(decomposed).username).toBe('ᾂ'.repeat(64));
  });
});

test('a locale is a language tag in canonical form', async () => {
  expect(parseLocale('locale', 'de-at')).toBe('de-AT');
  expect(parseLocale('locale', 'zh-hans-CN')).toBe('zh-Hans-CN');
  for (const locale of ['', 'not a tag', 'x'.repeat(100), 'de_AT', '\0']) {
    expect(await outcome(() => parseLocale('locale', locale))).toEqual({
      code: 'invalid_request',
      field: 'locale',
    });
  }
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['garbage', 'unknown'],
  ['', 'unknown'],
  [null, 'unknown'],
])('the source of %s is %s', (ip, source) => {
  expect(sourceOf(ip)).toBe(source);
});

test('a program is a source of its own, and so is a proxy that names no client: many people share it', () => {
  const program = sourceOfActor({ kind: 'client', id: 'ptn_12345678', ip: '203.0.113.7' });
  expect(program).not.toBe(sourceOf('203.0.113.7'));
  expect(program).not.toBe(sourceOfActor({ kind: 'client', id: 'ptn_87654321', ip: '203.0.113.7' }));
  expect(sourceOfActor({ kind: 'user', id: 'somebody', ip: '2001:db8::1' })).toBe('2001:db8:0:0::/64');
  expect([program, sourceOf(null), sourceOf('203.0.113.7'), sourceOf('2001:db8::1')].map(isShared)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
