import type { Permission } from '../../../domain/operators/permissions.ts';
import type { MessageKey } from '../../pages/i18n.ts';
import { seeOther } from '../../pages/replies.ts';
import type { ConsoleCall } from '../call.ts';
import type { Grade, Room } from '../room.ts';
import { forEach, nameOf } from './people.ts';

interface BulkAct {
  value: string;
  label: MessageKey;
  title: MessageKey;
  breaks: MessageKey;
  permission: Permission;
  grade: Grade;
  danger?: true;
  act(call: ConsoleCall, id: string, reason: string): Promise<unknown>;
}

/** Reads the days until a deletion from a form: seven by default. */
export const daysOf = (call: ConsoleCall): number => (call.field('when') === 'now' ? 0 : 7);

/** The control for it. */
export const WHEN = {
  name: 'when',
  label: 'console.users.when',
  type: 'radios',
  value: 'later',
  options: [
    { value: 'later', label: 'console.users.later' },
    { value: 'now', label: 'console.users.now' },
  ],
} as const;

/** Actions on several people at once. */
export const BULK_CHOICES: readonly BulkAct[] = [
  {
    value: 'suspend',
    label: 'console.users.suspend',
    title: 'console.bulk.suspend',
    breaks: 'console.bulk.suspendBreaks',
    permission: 'users:write',
    grade: 1,
    act: ({ services, operator }, id) => services.managedAccounts.suspend(operator, id),
  },
  {
    value: 'reactivate',
    label: 'console.users.reactivate',
    title: 'console.bulk.reactivate',
    breaks: 'console.bulk.reactivateBreaks',
    permission: 'users:write',
    grade: 1,
    act: ({ services, operator }, id) => services.managedAccounts.reactivate(operator, id),
  },
  {
    value: 'reset',
    label: 'console.users.resetMail',
    title: 'console.bulk.reset',
    breaks: 'console.bulk.resetBreaks',
    permission: 'users:credentials',
    grade: 1,
    act: ({ services, operator }, id) => services.managedAccounts.renewPassword(operator, id, {}),
  },
  {
    value: 'sessions',
    label: 'console.users.endSessions',
    title: 'console.bulk.sessions',
    breaks: 'console.bulk.sessionsBreaks',
    permission: 'sessions:write',
    grade: 1,
    act: ({ services, operator }, id) => services.access.endSessions(operator, id),
  },
  {
    value: 'delete',
    label: 'console.users.delete',
    title: 'console.bulk.delete',
    breaks: 'console.bulk.deleteBreaks',
    permission: 'users:delete',
    grade: 3,
    danger: true,
    act: (call, id, reason) =>
      call.services.managedAccounts.remove(call.operator, id, { reason, afterDays: daysOf(call) }),
  },
];

const MAX_SELECTED = 100;

/** The selected rows, from the form or from the URL of the confirmation page. */
const idsOf = (call: ConsoleCall): string[] =>
  call.ctx.method === 'POST'
    ? call.ticked
    : [...new Set([call.ctx.query['id'] ?? []].flat())].slice(0, MAX_SELECTED);

/** Bulk actions: confirmed with their count, carried out one by one, each with its outcome. */
export function bulkRoutes({ form, confirm }: Room): void {
  form('/users/bulk', { section: 'users', permission: 'users:read' }, null, (call) => {
    const act = BULK_CHOICES.find(({ value }) => value === call.field('act'));
    if (!act || call.ticked.length === 0) return call.failed(call.path('users'), 'console.bulk.none');
    const query = new URLSearchParams(call.ticked.map((id): [string, string] => ['id', id]));
    return seeOther(call.ctx, `/admin/users/bulk/${act.value}?${query.toString()}`);
  });

  for (const { value, label, title, breaks, permission, grade, act } of BULK_CHOICES) {
    confirm(
      `/users/bulk/${value}`,
      { section: 'users', permission, grade },
      async (call) => {
        const ids = idsOf(call);
        const count = ids.length;
        return {
          title: { key: title, params: { count } },
          breaks: [{ key: breaks, params: { count } }],
          verb: label,
          name: String(count),
          back: call.path('users'),
          hidden: { id: ids },
          ...(value === 'delete' && { fields: [WHEN] }),
        };
      },
      async (call, reason) => {
        const { services, operator } = call;
        const outcomes = await forEach(call, `console bulk ${value}`, call.ticked, async (id) => {
          const user = await services.people.find(operator, id);
          await act(call, id, reason);
          return nameOf(user);
        });
        call.show('users/outcomes', { title: label, outcomes, back: call.path('users') });
      },
    );
  }
}
