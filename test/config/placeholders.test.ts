import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, isPlaceholder, loadConfig } from '../../src/config/index.ts';

/** The problems of a production configuration with these values. */
function problems(secrets: Record<string, string>): string[] {
  const rest = {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://login.example.com',
    ADMIN_EMAIL: 'a@example.com',
  };
  try {
    loadConfig({ ...rest, ...secrets });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('in production', () => {
  test.each([
    'change-me-change-me-change-me-change-me',
    'your-secret-key-that-is-long-enough-here',
    'x'.repeat(40),
    '0'.repeat(32),
    'placeholder placeholder placeholder placeholder',
  ])('%s is refused as SECRETS_KEY', (SECRETS_KEY) => {
    expect(problems({ SECRETS_KEY })).toEqual([expect.stringContaining('SECRETS_KEY')]);
  });

  test.each(['password', 'Secret123', 'changeme!'])('%s is refused as ADMIN_PASSWORD', (ADMIN_PASSWORD) => {
    expect(problems({ ADMIN_PASSWORD })).toEqual([expect.stringContaining('ADMIN_PASSWORD')]);
  });

  test('a random key is accepted, whatever its first characters are', () => {
    for (const start of ['', 'x', 'X', '0', 'test', 'secret', 'todo', 'default', 'password']) {
      expect(problems({ SECRETS_KEY: start + randomBytes(32).toString('base64') })).toEqual([]);
    }
    for (let round = 0; round < 2_000; round += 1) {
      expect(isPlaceholder(randomBytes(32).toString('base64'))).toBe(false);
    }
  });
});
