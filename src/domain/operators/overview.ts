import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import type { ConfirmedStep } from '../../storage/first-steps.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Mfa } from '../mfa/index.ts';
import type { AuditLog } from './audit-log.ts';
import { type Operator, requirePermission } from './operator.ts';
import type { People } from './people.ts';
import { OWNER, type Permission } from './permissions.ts';

export type { ConfirmedStep } from '../../storage/first-steps.ts';

/** What an owner does first, in this order. */
export const FIRST_STEPS = [
  'factor',
  'second_owner',
  'test_letter',
  'first_app',
  'key_backup',
  'doors',
] as const;
export type FirstStep = (typeof FIRST_STEPS)[number];

export interface FirstStepDone {
  step: FirstStep;
  done: boolean;
}

/** A client whose newest secret ends soon, or has ended lately. */
export interface ExpiringSecret {
  id: string;
  name: string;
  expiresAt: Date;
}

/** What the first page of the console tells that no list has. All of it throws DomainError insufficient_scope. */
export interface Overview {
  /** The first minutes of a new service. Null when all is done, or nobody wants to see it any more. */
  firstSteps(operator: Operator): Promise<FirstStepDone[] | null>;
  /** Says that a step is done which nothing else shows, or that the list is `over`. */
  confirmStep(operator: Operator, step: ConfirmedStep): Promise<void>;
  /** Clients whose newest secret ends before a moment, or ended within the last week; the soonest first. */
  expiringSecrets(operator: Operator, before: Date, most: number): Promise<ExpiringSecret[]>;
}

type Dependencies = Pick<Stores, 'firstSteps' | 'clients' | 'clientSecrets' | 'inTransaction'> & {
  people: Pick<People, 'count'>;
  auditLog: Pick<AuditLog, 'list'>;
  mfa: Pick<Mfa, 'status'>;
};

/** Clients that are looked at: more are those of contracts only where somebody made a contract of their own. */
const LOOKED_AT = 50;

export function createOverview(deps: Dependencies): Overview {
  const { firstSteps, clients, clientSecrets, people, auditLog, mfa, inTransaction } = deps;
  const hasFactor = async (accountId: string) => {
    const { totp, passkeys } = await mfa.status(accountId);
    return totp.length + passkeys.length > 0;
  };
  const hasApp = async () => {
    const { items } = await clients.list({
      filters: {},
      sort: 'created_at',
      descending: true,
      limit: LOOKED_AT,
      after: null,
    });
    return items.some(({ id }) => !id.startsWith(CONTRACT_CLIENT));
  };
  return {
    async firstSteps(operator) {
      requirePermission(operator, 'settings:read');
      const confirmed = await firstSteps.list();
      if (confirmed.includes('over')) return null;
      const seeing = { ...operator, permissions: new Set<Permission>(['users:read', 'audit:read']) };
      const [factor, owners, letters, app] = await Promise.all([
        operator.accountId === null || hasFactor(operator.accountId),
        people.count(seeing, { role: [OWNER], status: ['active'] }, 2),
        auditLog.list(seeing, { filters: { type: ['mail.tested'] }, limit: 1 }),
        hasApp(),
      ]);
      const done: Record<FirstStep, boolean> = {
        factor,
        second_owner: owners > 1,
        test_letter: letters.items.length > 0,
        first_app: app,
        key_backup: confirmed.includes('key_backup'),
        doors: confirmed.includes('doors'),
      };
      const steps = FIRST_STEPS.map((step) => ({ step, done: done[step] }));
      return steps.every((one) => one.done) ? null : steps;
    },
    async confirmStep(operator, step) {
      requirePermission(operator, 'settings:write');
      await inTransaction((tx) => firstSteps.add(step, tx));
    },
    async expiringSecrets(operator, before, most) {
      requirePermission(operator, 'clients:read');
      return clientSecrets.expiring(before, most);
    },
  };
}
