/** Accounts: creation, search, changes, suspension and deletion, each change with its audit event in one transaction. */
import { changes, type Changes } from './changes.ts';
import { creation, type Creation } from './creation.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { finding, type Finding } from './finding.ts';
import { firstAdmins, type FirstAdmins } from './first-admin.ts';
import { lifecycle, type Lifecycle, unlocking, type Unlocking } from './lifecycle.ts';
import { mistakes, type Mistakes } from './mistakes.ts';

export type { Registration } from './creation.ts';
export type { FirstAdmin } from './first-admin.ts';
export type { User } from './user.ts';

export type Accounts = Creation & Finding & Changes & Mistakes & Lifecycle & Unlocking & FirstAdmins;

export function createAccounts(dependencies: AccountsDependencies): Accounts {
  return {
    ...creation(dependencies),
    ...finding(dependencies),
    ...changes(dependencies),
    ...mistakes(dependencies),
    ...lifecycle(dependencies),
    ...unlocking(dependencies),
    ...firstAdmins(dependencies),
  };
}
