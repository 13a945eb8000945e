import type { AuditItem } from '../../../domain/operators/audit-log.ts';
import type { Permission } from '../../../domain/operators/permissions.ts';
import { rolesOf } from '../../../domain/operators/rights.ts';
import type { User } from '../../../domain/users/index.ts';
import { displayClient } from '../../pages/client-display.ts';
import type { Message } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';
import { whyOf } from '../clients/refusals.ts';
import type { Room } from '../room.ts';
import { profileFields } from './fields.ts';
import { beyond, nameOf, roleNames, statusOf } from './people.ts';

/** Maximum events in the timeline. The audit has the rest. */
const LATEST = 20;

/** Finds what keeps somebody from signing in; null if nothing does. */
function obstacle(
  user: User,
  locked: Date | null,
  ways: { factors: number; identities: number },
): { text: Message; at?: Date; act?: string } | null {
  if (user.deletesAt !== null)
    return { text: 'console.person.deletionDue', at: user.deletesAt, act: 'reactivate' };
  if (user.status === 'suspended') return { text: 'console.person.isSuspended', act: 'reactivate' };
  if (locked) return { text: 'console.person.isLocked', at: locked, act: 'unlock' };
  if (!user.hasPassword && ways.factors === 0 && ways.identities === 0)
    return { text: 'console.person.noWayIn', act: 'invite' };
  if (user.passwordChangeRequired) return { text: 'console.person.mustChange' };
  if (user.emailVerifiedAt === null) return { text: 'console.person.isUnverified', act: 'verify' };
  return null;
}

/** Change fields without their values. */
const unsaid = (values: object): Record<string, unknown> =>
  Object.fromEntries(Object.keys(values).map((field) => [field, null]));

/** The latest events of a person. Without `audit:read` they show neither which operator acted nor previous values. */
async function timeLine({ services, operator, may }: ConsoleCall, id: string): Promise<AuditItem[]> {
  const seeing = { ...operator, permissions: new Set<Permission>(['audit:read']) };
  const { items } = await services.auditLog.list(seeing, { filters: { subject: [id] }, limit: LATEST });
  if (may('audit:read')) return items;
  const anybody = { kind: 'operator', id: null, name: null } as const;
  return items.map((item) => ({
    ...item,
    ...(item.actor.kind !== 'anonymous' &&
      item.actor.id !== id &&
      item.actor.kind !== 'system' && { actor: anybody }),
    before: item.before && unsaid(item.before),
    after: item.after && unsaid(item.after),
    reason: null,
  }));
}

/** Everything about a person, on one page. */
export async function showPerson(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const user = await services.people.find(operator, call.param('id'));
  const { id } = user;
  const nameOfApp = async (clientId: string) =>
    displayClient((await services.describeClient(clientId)) ?? { clientId }, true).name;
  const [factors, sessions, apps, identities, events, refusals, locked, failures, lacks, effective, origins] =
    await Promise.all([
      services.access.factors(operator, id),
      services.access.sessions(operator, id),
      services.access.apps(operator, id),
      services.access.identities(operator, id),
      timeLine(call, id),
      services.refusals.ofAccount(operator, id),
      services.managedAccounts.lockedUntil(operator, id),
      services.managedAccounts.failuresOn(operator, id),
      beyond(call, user),
      services.rights.ofAccount(id),
      services.findOrigins(id),
    ]);
  const groups = call.may('groups:read') ? await services.groups.listOf(operator, id, { limit: 100 }) : null;
  const allGroups = call.may('groups:write') ? await services.groups.list(operator, { limit: 100 }) : null;
  const mine = new Set(groups?.items.map((group) => group.id));
  const isOneself = operator.accountId === id;
  const canTouch = lacks.length === 0;
  const factorCount = factors.totp.length + factors.passkeys.length;
  call.show('users/person', {
    user,
    name: nameOf(user),
    status: statusOf(user),
    obstacle: obstacle(user, locked, { factors: factorCount, identities: identities.length }),
    failures,
    isOneself,
    canTouch,
    lacks,
    canView:
      canTouch &&
      !isOneself &&
      user.status === 'active' &&
      call.may('users:impersonate') &&
      effective.size === 0,
    factors: [
      ...factors.totp.map((one) => ({ ...one, kind: 'console.users.factorTotp' })),
      ...factors.passkeys.map((one) => ({ ...one, kind: 'console.users.factorPasskey' })),
    ],
    codesLeft: factors.recoveryCodesLeft,
    identities,
    sessions,
    apps: await Promise.all(apps.map(async (app) => ({ ...app, name: await nameOfApp(app.clientId) }))),
    refusals: refusals.map((refusal) => ({ ...refusal, why: whyOf(refusal) })),
    origins,
    groups: groups?.items ?? null,
    otherGroups: (allGroups?.items ?? []).filter((group) => !mine.has(group.id)),
    roleNames: call.may('roles:write') ? await roleNames(call) : [],
    groupRoles: (user.groupRoles ?? []).filter((role) => !user.roles.includes(role)),
    roles: rolesOf(user),
    effective: [...effective].sort(),
    fields: profileFields(call, user),
    events: events.map((item) => ({
      at: item.at,
      item,
      hint: { text: [item.browser, item.system, item.ip, item.door].filter(Boolean).join(' · ') },
      alert: item.outcome === 'failure',
      ...(call.may('audit:read') ? { href: `/admin/audit/${item.id}` } : {}),
    })),
    auditHref: call.may('audit:read') ? `/admin/audit?subject=${id}` : null,
  });
}

export function personRoutes({ page }: Room): void {
  page('/users/:id', { section: 'users' }, showPerson);

  page('/users/:id/data', { section: 'users', permission: 'users:export', fresh: true }, async (call) => {
    const data = await call.services.access.data(call.operator, call.param('id'));
    call.ctx.attachment('account.json');
    call.ctx.type = 'json';
    call.ctx.body = JSON.stringify(data, null, 2);
  });
}
