import { expect, test } from '@jest/globals';
import { DomainError } from '../../src/core/errors.ts';
import { errorWords, problemOf } from '../../src/http/pages/problems.ts';

const bounds = { min: 8, max: 128 };

test('a reason says more than its code', () => {
  expect(
    problemOf(new DomainError('weak_password', { field: 'password', reason: 'too_short' }), bounds),
  ).toEqual({
    field: 'password',
    message: { key: 'problem.passwordTooShort', params: { min: 8 } },
  });
  expect(problemOf(new DomainError('weak_password', { reason: 'another' }), bounds)).toEqual({
    field: 'password',
    message: 'problem.passwordCommon',
  });
  expect(problemOf(new DomainError('invalid_request', { field: 'name' }), bounds)?.field).toBe('name');
});

test('a lock says how long', () => {
  expect(problemOf(new DomainError('account_locked', { retryAfter: 30 }), bounds)?.message).toEqual({
    key: 'problem.locked',
    params: { wait: { seconds: 30 } },
  });
});

test('what no form can mend is not its problem', () => {
  expect(problemOf(new DomainError('forbidden', { reason: 'csrf' }), bounds)).toBeUndefined();
});

test('an unknown code is an app’s mistake, whatever it is called', () => {
  expect(errorWords('invalid_client')).toEqual(errorWords('constructor'));
  expect(errorWords('server_error').title).toBe('error.serverTitle');
});
