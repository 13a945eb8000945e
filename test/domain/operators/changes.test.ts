import { describe, expect, it } from '@jest/globals';
import {
  changesOf,
  checkDescription,
  checkVersion,
  differencesOf,
  type Expected,
  misnamed,
} from '../../../src/domain/operators/operator.ts';

describe('an If-Match version', () => {
  const check = (expected: Expected | undefined) => () => checkVersion({ version: 3 }, expected);

  it.each<[string, Expected | undefined]>([
    ['the current one', [3]],
    ['one of several', [1, 3]],
    ['any', '*'],
    ['none', undefined],
  ])('is accepted if it is %s', (_what, expected) => {
    expect(check(expected)).not.toThrow();
  });

  it.each<[string, Expected]>([
    ['an older one', [2]],
    ['a later one', [4]],
    ['several others', [1, 2]],
    ['an empty list', []],
  ])('is refused if it is %s', (_what, expected) => {
    expect(check(expected)).toThrow(expect.objectContaining({ code: 'precondition_failed' }));
  });
});

describe('the changes in an audit event', () => {
  const before: { name: string | undefined; roles: string[]; note: string | null } = {
    name: 'a',
    roles: ['x'],
    note: null,
  };

  it('are the fields that changed', () => {
    expect(changesOf(before, { name: 'b', roles: ['x'], note: null })).toEqual({
      before: { name: 'a' },
      after: { name: 'b' },
    });
  });

  it('leave out fields that were not given', () => {
    expect(changesOf(before, { name: undefined, note: 'n' })).toEqual({
      before: { note: null },
      after: { note: 'n' },
    });
  });

  it('are null if nothing changed', () => {
    expect(changesOf(before, {})).toBeNull();
    expect(changesOf(before, { roles: ['x'] })).toBeNull();
  });

  it('have null for what only one of the states has', () => {
    expect(differencesOf({ a: 1, b: 2 }, { b: 2, c: 3 })).toEqual({
      before: { a: 1, c: null },
      after: { a: null, c: 3 },
    });
    expect(differencesOf({ a: 1 }, { a: 1 })).toBeNull();
  });
});

describe('a description', () => {
  it('is optional, and has at most 500 characters', () => {
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

describe('the message for an unknown name', () => {
  it('suggests the nearest known name, if there is one', () => {
    expect(misnamed('role', 'usr', ['user', 'owner'])).toBe(
      'names a role that does not exist: usr; did you mean user?',
    );
    expect(misnamed('role', 'something else', ['user'])).toBe(
      'names a role that does not exist: something else',
    );
  });
});
