import { USER_EXPORT_TYPES, userLines } from '../../api/management/user-lines.ts';
import { FACTOR_FILTERS } from '../../../domain/operators/people.ts';
import { rolesOf } from '../../../domain/operators/rights.ts';
import type { Message, MessageKey } from '../../pages/i18n.ts';
import { send } from '../../endpoints/reply.ts';
import type { ConsoleCall } from '../call.ts';
import type { FilterSpec, Listing } from '../lists.ts';
import type { Room } from '../room.ts';
import { BULK_CHOICES } from './bulk.ts';
import { nameOf, roleNames, statusOf } from './people.ts';

/** Maximum of a count. */
const MAX_COUNT = 1_000;
const DAY = 86_400_000;

const FACTOR_LABELS: Readonly<Record<(typeof FACTOR_FILTERS)[number], MessageKey>> = {
  totp: 'console.users.factorTotp',
  passkey: 'console.users.factorPasskey',
  recovery_codes: 'console.users.factorCodes',
  none: 'console.users.factorNone',
};

const option = (value: string, label: Message | { text: string }) => ({ value, label });

async function filtersFor(call: ConsoleCall): Promise<FilterSpec[]> {
  const names = await roleNames(call);
  const groups = call.may('groups:read')
    ? await call.services.groups.list(call.operator, { limit: 100 })
    : null;
  return [
    { name: 'search', label: 'console.users.search', type: 'search', hint: 'console.users.searchHint' },
    {
      name: 'status',
      label: 'console.users.status',
      type: 'select',
      options: [option('active', 'console.users.active'), option('suspended', 'console.users.suspended')],
    },
    {
      name: 'role',
      label: 'console.users.role',
      type: 'select',
      options: names.map((name) => option(name, { text: name })),
    },
    ...(groups && groups.items.length > 0
      ? [
          {
            name: 'group',
            label: 'console.users.group' as const,
            type: 'select' as const,
            options: groups.items.map(({ id, name }) => option(id, { text: name })),
          },
        ]
      : []),
    {
      name: 'factor',
      label: 'console.users.factor',
      type: 'select',
      options: FACTOR_FILTERS.map((factor) => option(factor, FACTOR_LABELS[factor])),
    },
    {
      name: 'email_verified',
      label: 'console.users.email',
      type: 'select',
      options: [option('true', 'account.verified'), option('false', 'account.unverified')],
    },
    { name: 'door', label: 'console.users.door' },
    { name: 'created_after', label: 'console.users.createdAfter', type: 'date' },
    { name: 'created_before', label: 'console.users.createdBefore', type: 'date' },
    { name: 'last_login_after', label: 'console.users.seenAfter', type: 'date' },
    { name: 'last_login_before', label: 'console.users.seenBefore', type: 'date' },
  ];
}

/** The day in a filter, in UTC; with `ends` the following day, so that the day itself is included. */
function dayOf(list: Listing, name: string, ends = false): Date | undefined {
  const value = list.value(name);
  const at = value === undefined || !/^\d{4}-\d\d-\d\d$/.test(value) ? NaN : Date.parse(value);
  return Number.isNaN(at) ? undefined : new Date(at + (ends ? DAY : 0));
}

const only = <T extends string>(values: string[] | undefined, known: readonly T[]): T[] | undefined => {
  const chosen = known.filter((one) => values?.includes(one));
  return chosen.length > 0 ? chosen : undefined;
};

const accountFilters = (list: Listing) => {
  const verified = list.value('email_verified');
  return {
    search: list.value('search')?.slice(0, 200),
    status: only(list.values('status'), ['active', 'suspended']),
    role: list.values('role'),
    group: list.values('group'),
    factor: only(list.values('factor'), FACTOR_FILTERS),
    emailVerified: verified === 'true' || verified === 'false' ? verified === 'true' : undefined,
    door: list.values('door'),
    createdAfter: dayOf(list, 'created_after'),
    createdBefore: dayOf(list, 'created_before', true),
    lastLoginAfter: dayOf(list, 'last_login_after'),
    lastLoginBefore: dayOf(list, 'last_login_before', true),
  };
};

const SORTS = ['created_at', 'last_login_at', 'email', 'number'] as const;
type Sort = (typeof SORTS)[number] | `-${(typeof SORTS)[number]}`;
const isSort = (text: string | undefined): text is Sort =>
  text !== undefined && SORTS.some((sort) => text === sort || text === `-${sort}`);

/** The list of people: search, filters, sort, export and bulk actions. */
export function peopleRoutes({ page }: Room): void {
  page('/users', { section: 'users' }, async (call) => {
    const { services, operator } = call;
    const list = call.listing(await filtersFor(call));
    const filters = accountFilters(list);
    const { limit, cursor } = list;
    const found = await services.people.list(operator, {
      filters,
      limit,
      cursor,
      ...(isSort(list.sort) && { sort: list.sort }),
    });
    const total = await services.people.count(operator, filters, MAX_COUNT);
    const query = call.ctx.querystring;
    call.show('users/list', {
      list: list.view(found, { total, limit: MAX_COUNT }),
      isFiltered: list.isFiltered,
      rows: found.items.map((user) => ({
        href: call.path('users', user.id),
        id: user.id,
        name: nameOf(user),
        alert: user.status !== 'active',
        cells: [
          { text: nameOf(user), hint: nameOf(user) === user.email ? undefined : user.email, tile: 'person' },
          statusOf(user),
          { badges: rolesOf(user).flatMap((role) => (role === 'user' ? [] : { badge: { text: role } })) },
          { at: user.lastLoginAt },
          { at: user.createdAt },
        ],
      })),
      choices: BULK_CHOICES.filter(({ permission }) => call.may(permission)),
      exports: call.may('users:export')
        ? (['csv', 'ndjson'] as const).map((format) => ({
            format,
            href: `/admin/users/export?${[`format=${format}`, query].filter(Boolean).join('&')}`,
          }))
        : [],
    });
  });

  page('/users/export', { section: 'users', permission: 'users:export' }, async (call) => {
    const { services, operator, ctx } = call;
    const format = call.parameter('format') === 'ndjson' ? 'ndjson' : 'csv';
    const list = call.listing(await filtersFor(call));
    const found = await services.people.export(operator, accountFilters(list), format);
    send(ctx, {
      status: 200,
      stream: { type: USER_EXPORT_TYPES[format], chunks: userLines(format, found, services) },
      headers: { 'Content-Disposition': `attachment; filename="users.${format}"` },
    });
  });
}
