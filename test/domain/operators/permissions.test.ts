import { describe, expect, it } from '@jest/globals';
import { createCursors } from '../../../src/core/cursors.ts';
import { Secrets } from '../../../src/core/secrets.ts';
import { systemActor } from '../../../src/core/actor.ts';
import { mayGive, mayTouch, notOneself } from '../../../src/domain/operators/escalation.ts';
import { requirePermission, shellOperator } from '../../../src/domain/operators/operator.ts';
import {
  ALL_PERMISSIONS,
  BUILT_IN_ROLES,
  lacking,
  type Permission,
  withIncluded,
} from '../../../src/domain/operators/permissions.ts';

const of = (role: string): Set<Permission> => withIncluded(BUILT_IN_ROLES[role]?.permissions ?? []);
const operator = (role: string) => ({ actor: systemActor, accountId: 'a', permissions: of(role) });

describe('permissions', () => {
  it('to write include those to read the same, and no others include anything', () => {
    expect(withIncluded(['users:write'])).toEqual(new Set(['users:write', 'users:read']));
    expect(withIncluded(['scim:write', 'branding:write'])).toEqual(new Set(['scim:write', 'branding:write']));
    for (const name of ['users:credentials', 'users:delete', 'users:export', 'users:impersonate'] as const)
      expect(withIncluded([name])).toEqual(new Set([name]));
  });

  it('of the built-in roles are as designed', () => {
    const holders = (permission: Permission) =>
      ['administrator', 'support', 'developer', 'auditor'].filter((role) => of(role).has(permission));
    expect([...of('owner')].sort()).toEqual([...ALL_PERMISSIONS].sort());
    expect(holders('users:impersonate')).toEqual([]);
    expect(holders('settings:write')).toEqual([]);
    expect(holders('users:read')).toEqual(['administrator', 'support', 'auditor']);
    expect(holders('users:credentials')).toEqual(['administrator', 'support']);
    expect(holders('sessions:write')).toEqual(['administrator', 'support']);
    expect(holders('sessions:read')).toEqual(['administrator', 'support', 'auditor']);
    expect(holders('groups:read')).toEqual(['administrator', 'support', 'auditor']);
    expect(holders('roles:read')).toEqual(['administrator', 'developer', 'auditor']);
    expect(holders('roles:write')).toEqual(['administrator']);
    expect(holders('clients:write')).toEqual(['administrator', 'developer']);
    expect(holders('clients:read')).toEqual(['administrator', 'support', 'developer', 'auditor']);
    expect(holders('apis:write')).toEqual(['administrator', 'developer']);
    expect(holders('upstreams:read')).toEqual(['administrator', 'developer', 'auditor']);
    expect(holders('contracts:write')).toEqual(['administrator']);
    expect(holders('audit:read')).toEqual(['administrator', 'auditor']);
    expect(holders('mail:read')).toEqual(['administrator', 'support', 'auditor']);
    expect(holders('registration-tokens:write')).toEqual(['administrator', 'developer']);
    expect(holders('keys:read')).toEqual(['administrator', 'auditor']);
    expect(holders('settings:read')).toEqual(['administrator', 'auditor']);
    expect(holders('branding:write')).toEqual(['administrator']);
    expect(holders('scim:write')).toEqual(['administrator']);
  });

  it('can be given only by those who hold them', () => {
    expect(lacking(of('support'), ['users:write'])).toEqual([]);
    expect(() => mayGive(operator('support'), ['users:read', 'users:write'])).not.toThrow();
    expect(() => mayGive(operator('support'), of('developer'))).toThrow(
      expect.objectContaining({ code: 'permission_not_held' }),
    );
    expect(() => mayGive(operator('administrator'), of('owner'))).toThrow(
      expect.objectContaining({ code: 'permission_not_held' }),
    );
    expect(() => mayGive(shellOperator(systemActor), of('owner'))).not.toThrow();
  });

  it('protect operators from weaker ones', () => {
    expect(() => mayTouch(operator('support'), of('administrator'))).toThrow(
      expect.objectContaining({ code: 'stronger_operator' }),
    );
    expect(() => mayTouch(operator('administrator'), of('support'))).not.toThrow();
    expect(() => mayTouch(operator('support'), [])).not.toThrow();
    expect(() => notOneself(operator('owner'), 'a')).toThrow(expect.objectContaining({ code: 'forbidden' }));
    expect(() => requirePermission(operator('auditor'), 'users:write')).toThrow(
      expect.objectContaining({ code: 'insufficient_scope', details: { reason: 'users:write' } }),
    );
  });
});

describe('a cursor', () => {
  const cursors = createCursors(new Secrets('a secret of thirty-two characters'));

  it('decodes to the position that it was made from', () => {
    const position = ['2026-01-01 00:00:00.123456+00', 'ä"\\'];
    expect(cursors.open('users?sort=name', cursors.seal('users?sort=name', position))).toEqual(position);
  });

  it('is refused if malformed, altered or for another query', () => {
    const cursor = cursors.seal('users', ['1']);
    const [body = '', tag = ''] = cursor.split('.');
    const others = [
      '',
      '.',
      body,
      `${body}.`,
      `.${tag}`,
      `${body}A.${tag}`,
      `${cursor}.x.y`,
      'x'.repeat(5_000),
    ];
    for (const other of others)
      expect(() => cursors.open('users', other)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
    expect(() => cursors.open('users?role=x', cursor)).toThrow(
      expect.objectContaining({ code: 'invalid_cursor' }),
    );
    expect(() =>
      createCursors(new Secrets('another secret of thirty-two chars')).open('users', cursor),
    ).toThrow();
  });
});
