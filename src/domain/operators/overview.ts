import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import type { ConfirmedStep } from '../../storage/first-steps.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Mfa } from '../mfa/index.ts';
import type { AuditLog } from './audit-log.ts';
import { changesOf, type Operator, requirePermission } from './operator.ts';
import type { People } from './people.ts';
import { OWNER, type Permission } from './permissions.ts';

/** The owner's first steps, in order. */
export const FIRST_STEPS = [
  'factor',
  'second_owner',
  'test_letter',
  'first_app',
  'key_backup',
  'doors',
] as const;
export type FirstStep = (typeof FIRST_STEPS)[number];

/** First steps that a person confirms: nothing else shows that they are done. */
export const CONFIRMABLE = ['key_backup', 'doors'] as const satisfies readonly FirstStep[];
export type ConfirmableStep = (typeof CONFIRMABLE)[number];

/** What people said about the first steps. */
export interface SetupState {
  confirmed: readonly ConfirmableStep[];
  /** Whether the console hides the list. */
  hidden: boolean;
}

export type SetupChanges = { [K in keyof SetupState]?: SetupState[K] | undefined };

/** The first minutes of a new service. */
export interface Setup {
  steps: { step: FirstStep; done: boolean; confirmable: boolean }[];
  hidden: boolean;
}

/** A client whose newest secret ends soon, or ended recently. */
export interface ExpiringSecret {
  id: string;
  name: string;
  expiresAt: Date;
}

/** The data of the console's overview that no list provides. All of it throws DomainError insufficient_scope. */
export interface Overview {
  setup(operator: Operator): Promise<Setup>;
  /** Updates confirmations; steps that are not named keep theirs. */
  setUp(operator: Operator, changes: SetupChanges): Promise<Setup>;
  /** Clients whose newest secret ends before a moment, or ended within the last week; soonest first. */
  expiringSecrets(operator: Operator, before: Date, limit: number): Promise<ExpiringSecret[]>;
}

type Dependencies = Pick<Stores, 'audit' | 'firstSteps' | 'clients' | 'clientSecrets' | 'inTransaction'> & {
  people: Pick<People, 'count'>;
  auditLog: Pick<AuditLog, 'list'>;
  mfa: Pick<Mfa, 'status'>;
};

/** Maximum of clients to read: contracts have more only if somebody wrote their own contract. */
const LOOKED_AT = 50;

export function createOverview(deps: Dependencies): Overview {
  const { audit, firstSteps, clients, clientSecrets, people, auditLog, mfa, inTransaction } = deps;
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
  const stateOf = (steps: readonly ConfirmedStep[]): SetupState => ({
    confirmed: CONFIRMABLE.filter((step) => steps.includes(step)),
    hidden: steps.includes('over'),
  });
  const setup: Overview['setup'] = async (operator) => {
    requirePermission(operator, 'settings:read');
    const { confirmed, hidden } = stateOf(await firstSteps.list());
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
    const confirmable = new Set<FirstStep>(CONFIRMABLE);
    return {
      steps: FIRST_STEPS.map((step) => ({ step, done: done[step], confirmable: confirmable.has(step) })),
      hidden,
    };
  };
  return {
    setup,
    async setUp(operator, changes) {
      requirePermission(operator, 'settings:write');
      await inTransaction(async (tx) => {
        const before = stateOf(await firstSteps.lock(tx));
        const { confirmed = before.confirmed, hidden = before.hidden } = changes;
        const steps: ConfirmedStep[] = [...confirmed, ...(hidden ? (['over'] as const) : [])];
        const changed = changesOf<SetupState>(before, stateOf(steps));
        if (!changed) return;
        await firstSteps.write(steps, tx);
        await audit.record({ type: 'setup.updated', details: { ...changed } }, operator.actor, tx);
      });
      return setup(operator);
    },
    async expiringSecrets(operator, before, limit) {
      requirePermission(operator, 'clients:read');
      return clientSecrets.expiring(before, limit);
    },
  };
}
