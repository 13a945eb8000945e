import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { createAdministration } from '../../../src/container/administration.ts';
import { createCore } from '../../../src/container/core.ts';
import { createDirectories } from '../../../src/container/directories.ts';
import { systemActor } from '../../../src/core/actor.ts';
import { createLogger } from '../../../src/core/logger.ts';
import type { Operator } from '../../../src/domain/operators/operator.ts';
import { atEnd } from '../../support/cleanup.ts';
import { createDatabase } from '../../support/postgres.ts';

/** What operators call, by service, and the permission that it requires before anything else. */
const REQUIRED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  roles: { 'roles:read': 'list find', 'roles:write': 'create update remove' },
  groups: {
    'groups:read': 'list find members isMember listOf',
    'groups:write': 'create update remove add removeMember setOf',
  },
  assignments: { 'roles:read': 'rolesOf', 'roles:write': 'setRoles' },
  people: { 'users:read': 'list count find', 'users:export': 'export' },
  auditLog: { 'audit:read': 'list find findAnswer export' },
  operatorMail: {
    'mail:read': 'list find templates preview overriddenTexts',
    'mail:write': 'resend sendTest write',
  },
  webhooks: {
    'webhooks:read': 'list find deliveries findDelivery',
    'webhooks:write': 'create update remove rotate test replay',
  },
  attributes: { 'settings:read': 'find', 'settings:write': 'update' },
  managedAccounts: {
    'users:read': 'lockedUntil failuresOn',
    'users:write': 'create update suspend reactivate unlock',
    'users:delete': 'remove',
    'users:credentials': 'invite verifyEmail renewPassword',
  },
  access: {
    'users:read': 'factors sessions apps identities events',
    'users:credentials': 'removeFactors removeIdentity',
    'users:export': 'data',
    'sessions:read': 'allSessions',
    'sessions:write': 'endSession endSessions disconnect',
  },
  impersonation: { 'users:impersonate': 'request' },
  branding: { 'branding:write': 'update undo restore preview' },
  settings: { 'settings:read': 'list', 'settings:write': 'update' },
  overview: { 'settings:read': 'setup', 'settings:write': 'setUp', 'clients:read': 'expiringSecrets' },
  migration: { 'settings:read': 'status' },
  apiKeyAdmin: { 'api-keys:read': 'list find', 'api-keys:write': 'create update revoke' },
  registrationTokenAdmin: {
    'registration-tokens:read': 'list find',
    'registration-tokens:write': 'create revoke',
  },
  contractDoors: { 'contracts:read': 'list find', 'contracts:write': 'set' },
  usage: { 'contracts:read': 'reportOf blastRadius lastUses requests' },
  refusals: { 'clients:read': 'ofClient', 'users:read': 'ofAccount' },
  clients: {
    'clients:read': 'list find secrets consents',
    'clients:write': 'create update setEnabled rotateSecret removeSecret remove',
  },
  apis: { 'apis:read': 'list find uses', 'apis:write': 'create update save remove' },
  upstreams: { 'upstreams:read': 'list find linked', 'upstreams:write': 'create update remove test' },
  keys: { 'keys:read': 'list', 'keys:write': 'rotate retire' },
  putBack: { 'audit:read': 'current putBack' },
  scimTokens: { 'scim:write': 'create list remove' },
  directoryUsers: {
    'users:read': 'list find',
    'users:write': 'create replace patch',
    'users:delete': 'remove',
  },
  directoryGroups: { 'groups:read': 'list find', 'groups:write': 'create replace patch remove' },
};

type Method = (operator: Operator, ...more: unknown[]) => Promise<unknown>;

let services: Record<string, Record<string, Method>>;

beforeAll(async () => {
  const { url } = await createDatabase();
  const core = await createCore(loadConfig({ PUBLIC_URL: 'https://login.example.com' }), {
    databaseUrl: url,
    secretsKey: 'a secret of thirty-two characters',
    logger: createLogger('silent'),
  });
  atEnd(() => core.close());
  services = {
    ...core,
    ...createAdministration(core),
    ...createDirectories(core),
  } as unknown as typeof services;
});

const nobody: Operator = { actor: systemActor, accountId: null, permissions: new Set() };
const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const scim = (type: 'User' | 'Group') => ({ schemas: [`urn:ietf:params:scim:schemas:core:2.0:${type}`] });
const GROUP = { ...scim('Group'), displayName: 'a group' };

/** Arguments that are read before the permission is checked; for all others an id and an object do. */
const READ_BEFORE: Readonly<Record<string, unknown[]>> = {
  'directoryUsers.replace': [ID, { ...scim('User'), userName: 'a user' }],
  'directoryUsers.patch': [ID, []],
  'directoryGroups.create': [GROUP],
  'directoryGroups.replace': [ID, GROUP],
  'directoryGroups.patch': [ID, []],
};

const takesOperator = (method: unknown): boolean =>
  typeof method === 'function' && /^(?:async )?\w*\s?\(?operator\b/.test(String(method));

describe('an operator without permissions', () => {
  const calls = Object.entries(REQUIRED).flatMap(([service, methods]) =>
    Object.entries(methods).flatMap(([permission, names]) =>
      names.split(' ').map((name) => [service, name, permission] as const),
    ),
  );
  it.each(calls)('may not call %s.%s, which requires %s', async (service, name, permission) => {
    const input = READ_BEFORE[`${service}.${name}`] ?? [ID, {}, {}];
    const call = async () => services[service]?.[name]?.(nobody, ...input);
    await expect(call()).rejects.toMatchObject({
      code: 'insufficient_scope',
      details: { reason: permission },
    });
  });

  it('has no other methods of these services', () => {
    for (const [name, methods] of Object.entries(REQUIRED)) {
      const taking = Object.entries(services[name] ?? {}).filter(([, method]) => takesOperator(method));
      const listed = Object.values(methods).join(' ').split(' ');
      expect([name, ...taking.map(([method]) => method).toSorted()]).toEqual([name, ...listed.toSorted()]);
    }
  });
});
