import { describe, expect, it } from '@jest/globals';
import {
  changesOf,
  checkDescription,
  checkVersion,
  differencesOf,
  type Expected,
} from '../../../src/domain/operators/operator.ts';

describe('the version that a caller goes by', () => {
  const check = (expected: Expected | undefined) => () => checkVersion({ version: 3 }, expected);

  it.each<[string, Expected | undefined]>([
    ['the one that is there', [3]],
    ['one of several', [1, 3]],
    ['any', '*'],
    ['none', undefined],
  ])('may be %s', (_what, expected) => {
    expect(check(expected)).not.toThrow();
  });

  it.each<[string, Expected]>([
    ['an older one', [2]],
    ['a later one', [4]],
    ['several others', [1, 2]],
    ['an empty list', []],
  ])('is refused when it is %s', (_what, expected) => {
    expect(check(expected)).toThrow(expect.objectContaining({ code: 'precondition_failed' }));
  });
});

describe('the changes that the audit has', () => {
  const before: { name: string | undefined; roles: string[]; note: string | null } = {
    name: 'a',
    roles: ['x'],
    note: null,
  };

  it('are those that change something', () => {
    expect(changesOf(before, { name: 'b', roles: ['x'], note: null })).toEqual({
      before: { name: 'a' },
      after: { name: 'b' },
    });
  });

  it('are none of what is not said', () => {
    expect(changesOf(before, { name: undefined, note: 'n' })).toEqual({
      before: { note: null },
      after: { note: 'n' },
    });
  });

  it('are null where nothing changes', () => {
    expect(changesOf(before, {})).toBeNull();
    expect(changesOf(before, { roles: ['x'] })).toBeNull();
  });

  it('name what only one of two states has', () => {
    expect(differencesOf({ a: 1, b: 2 }, { b: 2, c: 3 })).toEqual({
      before: { a: 1, c: null },
      after: { a: null, c: 3 },
    });
    expect(differencesOf({ a: 1 }, { a: 1 })).toBeNull();
  });
});

describe('a description', () => {
  it('has 500 characters at most, and need not be', () => {
    expect(() => checkDescription(undefined)).not.toThrow();
    expect(() => checkDescription('x'.repeat(500))).not.toThrow();
    expect(() => checkDescription('x'.repeat(501))).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        details: { field: 'description', reason: 'too_long' },
      }),
    );
  });
});
