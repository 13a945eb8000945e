import { expect, test } from '@jest/globals';
import { DomainError } from '../../src/core/errors.ts';
import { errorWords, formStatus, pageStatus, problemOf } from '../../src/http/pages/problems.ts';

const bounds = { min: 8, max: 128 };

test('a problem with a reason has a more specific message', () => {
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

test('the message for a lockout says how long it lasts', () => {
  expect(problemOf(new DomainError('account_locked', { retryAfter: 30 }), bounds)?.message).toEqual({
    key: 'problem.locked',
    params: { wait: { seconds: 30 } },
  });
});

test('a problem that the form cannot fix is not shown at the form', () => {
  expect(problemOf(new DomainError('forbidden', { reason: 'csrf' }), bounds)).toBeUndefined();
});

test('an unknown error code gets the message for an app’s mistake, whatever its name', () => {
  expect(errorWords('invalid_client')).toEqual(errorWords('constructor'));
  expect(errorWords('server_error').title).toBe('error.serverTitle');
});

test.each([
  ['account_locked', 429, 429],
  ['rate_limited', 429, 429],
  ['overloaded', 503, 503],
  ['upstream_unavailable', 503, 503],
  ['server_error', 500, 401],
  ['forbidden', 403, 401],
  ['identity_unknown', 403, 401],
  // Pages have no challenge for a 401.
  ['invalid_token', 400, 401],
  ['user_not_found', 400, 401],
  ['email_taken', 400, 401],
] as const)(
  '%s is %i on an error page, and %i at a form that is shown again with 401',
  (code, page, form) => {
    expect(pageStatus(code)).toBe(page);
    expect(formStatus(code, 401)).toBe(form);
  },
);
