import type { ConsoleCall } from '../call.ts';
import type { FilterSpec } from '../lists.ts';
import type { FormSpec, Room } from '../room.ts';
import { findPerson, nameOf, roleNames } from '../users/people.ts';

const FILTERS: readonly FilterSpec[] = [
  { name: 'search', label: 'console.groups.search', type: 'search' },
  { name: 'role', label: 'console.users.role' },
];

const idOf = (call: ConsoleCall): string => call.param('id');
const pageOf = (call: ConsoleCall): string => call.path('groups', idOf(call));
const writing = (more: Partial<FormSpec> = {}): FormSpec => ({
  section: 'groups',
  permission: 'groups:write',
  fresh: true,
  ...more,
});

const fields = async (
  call: ConsoleCall,
  group: { name: string; description: string; roles: readonly string[] } | null,
) => [
  {
    name: 'name',
    label: 'console.groups.name',
    value: group?.name ?? '',
    required: true,
    attributes: { maxlength: 200 },
  },
  {
    name: 'description',
    label: 'console.groups.description',
    value: group?.description ?? '',
    attributes: { maxlength: 500 },
  },
  {
    name: 'roles',
    label: 'console.groups.roles',
    type: 'checks',
    hint: 'console.groups.rolesHint',
    value: group?.roles ?? [],
    options: (await roleNames(call)).map((name) => ({ value: name, label: { text: name } })),
  },
];

const typed = (call: ConsoleCall) => ({
  name: call.field('name'),
  description: call.field('description'),
  roles: call.fields('roles').filter(Boolean),
});

/** Groups: their members, and the roles that they give. */
export function groupRoutes({ page, form, confirm }: Room): void {
  const show = async (call: ConsoleCall): Promise<void> => {
    const { services, operator } = call;
    const group = await services.groups.find(operator, idOf(call));
    const list = call.listing([]);
    const { limit, cursor } = list;
    const members = await services.groups.members(operator, group.id, { limit, cursor });
    call.show('groups/group', {
      group,
      list: { ...list.view(members), path: pageOf(call) },
      members: members.items,
      fields: await fields(call, group),
    });
  };

  page('/groups', { section: 'groups' }, async (call) => {
    const list = call.listing(FILTERS);
    const { limit, cursor } = list;
    const filters = { search: list.value('search'), role: list.value('role') };
    const found = await call.services.groups.list(call.operator, { filters, limit, cursor });
    call.show('groups/list', {
      list: list.view(found),
      isFiltered: list.isFiltered,
      rows: found.items.map(({ id, name, description, roles, source, createdAt }) => ({
        href: call.path('groups', id),
        id,
        name,
        cells: [
          { text: name, hint: description || undefined },
          { badges: roles.map((role) => ({ badge: { text: role } })) },
          source === null ? { text: '' } : { badge: { text: source } },
          { at: createdAt },
        ],
      })),
    });
  });

  page('/groups/:id', { section: 'groups' }, show);
  form('/groups/:id', writing({ trail: () => ({ type: ['group.updated'] }) }), show, async (call) => {
    const { services, operator } = call;
    const before = await services.groups.find(operator, idOf(call));
    const after = await services.groups.update(operator, before.id, typed(call), call.expected);
    call.done(
      pageOf(call),
      { key: 'console.groups.saved', params: { group: after.name } },
      before.roles.length > 0
        ? null
        : {
            action: pageOf(call),
            fields: {
              name: before.name,
              description: before.description,
              version: String(after.version),
            },
          },
    );
  });
  form('/groups/:id/members', writing(), show, async (call) => {
    const { services, operator } = call;
    const person = await findPerson(call, call.field('person'), 'person');
    await services.groups.add(operator, idOf(call), person.id);
    call.done(
      pageOf(call),
      { key: 'console.groups.added', params: { person: nameOf(person) } },
      { action: `${pageOf(call)}/members/remove`, fields: { person: person.id } },
    );
  });
  form('/groups/:id/members/remove', writing({ back: pageOf }), null, async (call) => {
    const { services, operator } = call;
    const person = await findPerson(call, call.field('person'), 'person');
    await services.groups.removeMember(operator, idOf(call), person.id);
    call.done(
      pageOf(call),
      { key: 'console.groups.removed', params: { person: nameOf(person) } },
      { action: `${pageOf(call)}/members`, fields: { person: person.id } },
    );
  });
  confirm(
    '/groups/:id/delete',
    { ...writing(), grade: 1 },
    async (call) => {
      const { services, operator } = call;
      const { id, name, roles, version } = await services.groups.find(operator, idOf(call));
      const { items, nextCursor } = await services.groups.members(operator, id, { limit: 100 });
      return {
        title: { key: 'console.groups.deleteTitle', params: { group: name } },
        breaks: [
          {
            key: nextCursor === null ? 'console.groups.breaksMembers' : 'console.groups.breaksMany',
            params: { count: items.length },
          },
          ...roles.map((role) => ({ key: 'console.groups.breaksRole' as const, params: { role } })),
        ],
        verb: 'console.groups.delete',
        name,
        back: pageOf(call),
        version,
        same: {
          api: { method: 'DELETE', path: `/groups/${id}` },
          cli: `postern group delete ${id}`,
        },
      };
    },
    async (call) => {
      await call.services.groups.remove(call.operator, idOf(call), call.expected);
      call.done(call.path('groups'), 'console.groups.deleted');
    },
  );

  const showNew = async (call: ConsoleCall) => call.show('groups/new', { fields: await fields(call, null) });
  page('/groups/new', { section: 'groups', permission: 'groups:write' }, showNew);
  form('/groups/new', writing(), showNew, async (call) => {
    const group = await call.services.groups.create(call.operator, typed(call));
    call.done(call.path('groups', group.id), {
      key: 'console.groups.saved',
      params: { group: group.name },
    });
  });
}
