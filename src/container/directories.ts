import { createScim } from '../domain/scim/index.ts';
import type { Core } from './core.ts';

/** What directories manage over SCIM. */
export function createDirectories(core: Core) {
  const { users, audit, directory, roles, groups } = core.stores;
  return createScim({ ...core, users, audit, directory, roleStore: roles, groupStore: groups });
}
