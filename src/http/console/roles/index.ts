import { lacking, PERMISSIONS, type Permission } from '../../../domain/operators/permissions.ts';
import { PERMANENT_ROLES, type Role } from '../../../domain/operators/roles.ts';
import type { ConsoleCall } from '../call.ts';
import type { FormSpec, Room } from '../room.ts';
import { findPerson, nameOf } from '../users/people.ts';
import { PERMISSION_WORDS } from './words.ts';

const nameIn = (call: ConsoleCall): string => call.param('id');
const pageOf = (call: ConsoleCall): string => call.path('roles', nameIn(call));
const writing = (more: Partial<FormSpec> = {}): FormSpec => ({
  section: 'roles',
  permission: 'roles:write',
  fresh: true,
  ...more,
});

const ALL = Object.keys(PERMISSIONS) as Permission[];
const SHOWN = 50;

/** Controls of a role. Permissions that the operator lacks cannot be given. */
const fields = ({ operator }: ConsoleCall, role: Pick<Role, 'description' | 'permissions'> | null) => [
  {
    name: 'description',
    label: 'console.groups.description',
    value: role?.description ?? '',
    attributes: { maxlength: 500 },
  },
  {
    name: 'permissions',
    label: 'console.roles.permissions',
    type: 'checks',
    value: role?.permissions ?? [],
    options: ALL.map((permission) => ({
      value: permission,
      label: PERMISSION_WORDS[permission],
      hint: { text: permission },
      disabled: lacking(operator.permissions, [permission]).length > 0,
    })),
  },
];

/** Roles: what they allow in plain words, and who has them. */
export function roleRoutes({ page, form, confirm }: Room): void {
  const show = async (call: ConsoleCall): Promise<void> => {
    const { services, operator } = call;
    const role = await services.roles.find(operator, nameIn(call));
    const holders = call.may('users:read')
      ? await services.people.list(operator, { filters: { role: [role.name] }, limit: SHOWN })
      : null;
    const groups = call.may('groups:read')
      ? await services.groups.list(operator, { filters: { role: role.name }, limit: SHOWN })
      : null;
    const clients = call.may('clients:read')
      ? await services.clients.list(operator, { filters: { role: [role.name] }, limit: SHOWN })
      : null;
    const lacks = lacking(operator.permissions, role.permissions);
    call.show('roles/role', {
      role,
      words: role.permissions.map((permission) => ({ permission, words: PERMISSION_WORDS[permission] })),
      fields: fields(call, role),
      lacks,
      isPermanent: PERMANENT_ROLES.has(role.name),
      holders: holders?.items.map((user) => ({
        href: call.path('users', user.id),
        id: user.id,
        name: nameOf(user),
        cells: [
          { text: nameOf(user), hint: user.email },
          user.roles.includes(role.name)
            ? { badge: 'console.roles.byItself' }
            : { badge: 'console.roles.byGroup' },
          { at: user.lastLoginAt },
        ],
        own: user.roles.includes(role.name),
      })),
      moreHolders: holders !== null && holders.nextCursor !== null,
      groups: groups?.items ?? [],
      clients: clients?.items ?? [],
    });
  };

  page('/roles', { section: 'roles' }, async (call) => {
    const roles = await call.services.roles.list(call.operator);
    call.show('roles/list', {
      rows: roles.map(({ name, description, permissions, builtIn, scopes }) => ({
        href: call.path('roles', name),
        id: name,
        name,
        cells: [
          { text: name, hint: description || undefined },
          builtIn ? { badge: 'console.roles.builtIn', tone: 'quiet' } : { text: '' },
          { text: String(permissions.length) },
          { text: String(Object.values(scopes).flat().length) },
        ],
      })),
    });
  });

  page('/roles/:id', { section: 'roles' }, show);
  form('/roles/:id', writing({ trail: () => ({ type: ['role.updated'] }) }), show, async (call) => {
    const changes = { description: call.field('description'), permissions: call.fields('permissions') };
    await call.services.roles.update(call.operator, nameIn(call), changes, call.expected);
    call.done(pageOf(call), { key: 'console.roles.saved', params: { role: nameIn(call) } });
  });
  form('/roles/:id/holders', writing(), show, async (call) => {
    const { services, operator } = call;
    const person = await findPerson(call, call.field('person'), 'person');
    await services.assignments.setRoles(operator, person.id, [...person.roles, nameIn(call)]);
    call.done(
      pageOf(call),
      { key: 'console.roles.given', params: { role: nameIn(call), person: nameOf(person) } },
      { action: `${pageOf(call)}/holders/remove`, fields: { person: person.id } },
    );
  });
  form('/roles/:id/holders/remove', writing({ back: pageOf }), null, async (call) => {
    const { services, operator } = call;
    const person = await findPerson(call, call.field('person'), 'person');
    const left = person.roles.filter((role) => role !== nameIn(call));
    await services.assignments.setRoles(operator, person.id, left);
    call.done(
      pageOf(call),
      { key: 'console.roles.taken', params: { role: nameIn(call), person: nameOf(person) } },
      { action: `${pageOf(call)}/holders`, fields: { person: person.id } },
    );
  });
  confirm(
    '/roles/:id/delete',
    { ...writing(), grade: 1 },
    async (call) => {
      const { name, permissions, version } = await call.services.roles.find(call.operator, nameIn(call));
      return {
        title: { key: 'console.roles.deleteTitle', params: { role: name } },
        breaks: [{ key: 'console.roles.breaks', params: { count: permissions.length } }],
        verb: 'console.roles.delete',
        name,
        back: pageOf(call),
        version,
        same: { api: { method: 'DELETE', path: `/roles/${name}` }, cli: `postern role delete ${name}` },
      };
    },
    async (call) => {
      await call.services.roles.remove(call.operator, nameIn(call), call.expected);
      call.done(call.path('roles'), { key: 'console.roles.deleted', params: { role: nameIn(call) } });
    },
  );

  const showNew = async (call: ConsoleCall): Promise<void> => {
    const copied = call.parameter('copy');
    const found = await call.services.roles.list(call.operator);
    const role = found.find(({ name }) => name === copied) ?? null;
    call.show('roles/new', {
      copied: role?.name ?? null,
      fields: [
        {
          name: 'name',
          label: 'console.roles.name',
          hint: 'console.roles.nameHint',
          required: true,
          attributes: { maxlength: 64, autocapitalize: 'none', spellcheck: 'false' },
        },
        ...fields(call, role),
      ],
    });
  };
  page('/roles/new', { section: 'roles', permission: 'roles:write' }, showNew);
  form('/roles/new', writing(), showNew, async (call) => {
    const { name } = await call.services.roles.create(call.operator, {
      name: call.field('name'),
      description: call.field('description'),
      permissions: call.fields('permissions'),
    });
    call.done(call.path('roles', name), { key: 'console.roles.saved', params: { role: name } });
  });
}
