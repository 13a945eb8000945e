/** Accounts and groups managed by a directory over SCIM 2.0 (RFC 7643, 7644). */
import type { Groups as GroupStore } from '../../storage/groups.ts';
import type { Groups } from '../operators/groups.ts';
import type { KeepStanding } from '../operators/escalation.ts';
import { createDirectoryGroups } from './groups.ts';
import { createDirectoryUsers, type DirectoryDependencies } from './users.ts';

export type { DirectoryGroups } from './groups.ts';
export type { DirectoryUsers, ListedResources, Shown } from './users.ts';

export const createScim = (
  dependencies: DirectoryDependencies & {
    groupStore: GroupStore;
    groups: Groups;
    keepStanding: KeepStanding;
  },
) => ({
  directoryUsers: createDirectoryUsers(dependencies),
  directoryGroups: createDirectoryGroups(dependencies),
});
