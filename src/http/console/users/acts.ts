import type { Permission } from '../../../domain/operators/permissions.ts';
import type { User } from '../../../domain/users/index.ts';
import type { Message, MessageKey } from '../../pages/i18n.ts';
import { seeOther } from '../../pages/replies.ts';
import { VIEW_PATH } from '../../view-as-link.ts';
import type { ConsoleCall } from '../call.ts';
import type { FormSpec, Grade, Question, Room } from '../room.ts';
import { daysOf, WHEN } from './bulk.ts';
import { profileChanges, undoFields } from './fields.ts';
import { nameOf } from './people.ts';
import { showPerson } from './person.ts';

const idOf = (call: ConsoleCall): string => call.param('id');
const pageOf = (call: ConsoleCall): string => call.path('users', idOf(call));
const personOf = (call: ConsoleCall): Promise<User> => call.services.people.find(call.operator, idOf(call));

const spec = (permission: Permission, more: Partial<FormSpec> = {}) =>
  ({
    section: 'users',
    permission,
    back: pageOf,
    trail: (call: ConsoleCall) => ({ subject: [idOf(call)] }),
    ...more,
  }) as const satisfies FormSpec;

/** Actions with one button. */
const BUTTONS: readonly {
  path: string;
  permission: Permission;
  fresh?: true;
  message: MessageKey;
  act(call: ConsoleCall, id: string): Promise<unknown>;
}[] = [
  {
    path: 'reactivate',
    permission: 'users:write',
    message: 'console.person.reactivated',
    act: ({ services, operator }, id) => services.managedAccounts.reactivate(operator, id),
  },
  {
    path: 'unlock',
    permission: 'users:write',
    message: 'console.person.unlocked',
    act: ({ services, operator }, id) => services.managedAccounts.unlock(operator, id),
  },
  {
    path: 'invite',
    permission: 'users:credentials',
    message: 'console.users.invited',
    act: ({ services, operator, language }, id) =>
      services.managedAccounts.invite(operator, id, { locale: language }),
  },
  {
    path: 'verify',
    permission: 'users:credentials',
    message: 'console.person.verifySent',
    act: ({ services, operator, language }, id) =>
      services.managedAccounts.verifyEmail(operator, id, { locale: language }),
  },
  {
    path: 'vouch',
    permission: 'users:credentials',
    fresh: true,
    message: 'console.person.vouched',
    act: ({ services, operator }, id) =>
      services.managedAccounts.verifyEmail(operator, id, { isVerified: true }),
  },
  {
    path: 'reset',
    permission: 'users:credentials',
    message: 'console.person.resetSent',
    act: ({ services, operator, language }, id) =>
      services.managedAccounts.renewPassword(operator, id, {}, { locale: language }),
  },
  {
    path: 'force',
    permission: 'users:credentials',
    fresh: true,
    message: 'console.person.forced',
    act: ({ services, operator }, id) =>
      services.managedAccounts.renewPassword(operator, id, { force: true }),
  },
];

interface Asked {
  path: string;
  permission: Permission;
  grade: Grade;
  fresh?: true;
  title: MessageKey;
  verb: MessageKey;
  message: MessageKey;
  /** What breaks, counted. */
  breaks(call: ConsoleCall, user: User): Promise<Message[]>;
  more?(call: ConsoleCall): Partial<Question>;
  act(call: ConsoleCall, id: string, reason: string): Promise<unknown>;
}

const count = (key: MessageKey, number: number): Message => ({ key, params: { count: number } });

const signedIn = async ({ services, operator }: ConsoleCall, { id }: User): Promise<Message> =>
  count('console.person.breaksSessions', (await services.access.sessions(operator, id)).length);

const withApps = async ({ services, operator }: ConsoleCall, { id }: User): Promise<Message> =>
  count('console.person.breaksApps', (await services.access.apps(operator, id)).length);

/** Actions with a confirmation page. */
const ASKED: readonly Asked[] = [
  {
    path: 'suspend',
    permission: 'users:write',
    grade: 1,
    title: 'console.person.suspend',
    verb: 'console.users.suspend',
    message: 'console.person.suspended',
    breaks: async (call, user) => [await signedIn(call, user), await withApps(call, user)],
    more: (call) => ({
      fields: [{ name: 'reason', label: 'console.confirm.reason', attributes: { maxlength: 500 } }],
      same: {
        api: { method: 'POST', path: `/users/${idOf(call)}/suspend` },
        cli: `postern user suspend ${idOf(call)}`,
      },
    }),
    act: (call, id) =>
      call.services.managedAccounts.suspend(call.operator, id, {
        reason: call.field('reason') || undefined,
        expected: call.expected,
      }),
  },
  {
    path: 'sessions/end',
    permission: 'sessions:write',
    grade: 1,
    title: 'console.person.endSessions',
    verb: 'console.users.endSessions',
    message: 'console.person.sessionsEnded',
    breaks: async (call, user) => [await signedIn(call, user)],
    more: (call) => ({
      same: {
        api: { method: 'DELETE', path: `/users/${idOf(call)}/sessions` },
        cli: `postern user sessions ${idOf(call)} --end`,
      },
    }),
    act: ({ services, operator }, id) => services.access.endSessions(operator, id),
  },
  {
    path: 'apps/withdraw',
    permission: 'sessions:write',
    grade: 1,
    title: 'console.person.withdrawAll',
    verb: 'console.person.withdraw',
    message: 'console.person.withdrawn',
    breaks: async (call, user) => [await withApps(call, user)],
    act: ({ services, operator }, id) => services.access.disconnect(operator, id),
  },
  {
    path: 'factors/remove',
    permission: 'users:credentials',
    grade: 1,
    fresh: true,
    title: 'console.person.removeFactors',
    verb: 'console.person.remove',
    message: 'console.person.factorsRemoved',
    breaks: async ({ services, operator }, { id }) => {
      const { totp, passkeys } = await services.access.factors(operator, id);
      return [count('console.person.breaksFactors', totp.length + passkeys.length)];
    },
    more: (call) => ({
      same: {
        api: { method: 'DELETE', path: `/users/${idOf(call)}/factors` },
        cli: `postern user reset-factors ${idOf(call)}`,
      },
    }),
    act: ({ services, operator }, id) => services.access.removeFactors(operator, id),
  },
  {
    path: 'delete',
    permission: 'users:delete',
    grade: 2,
    title: 'console.person.delete',
    verb: 'console.users.delete',
    message: 'console.person.deleted',
    breaks: async (call, user) => [await signedIn(call, user), await withApps(call, user)],
    more: (call) => ({
      fields: [WHEN],
      same: {
        api: { method: 'DELETE', path: `/users/${idOf(call)}?after_days=7` },
        cli: `postern user delete ${idOf(call)} --after-days 7`,
      },
    }),
    act: (call, id, reason) =>
      call.services.managedAccounts.remove(call.operator, id, {
        reason,
        afterDays: daysOf(call),
        expected: call.expected,
      }),
  },
];

/** Actions of operators on a person. */
export function actRoutes({ page, form, confirm }: Room): void {
  const says = (key: MessageKey, user: User): Message => ({ key, params: { person: nameOf(user) } });

  for (const { path, permission, fresh, message, act } of BUTTONS)
    form(`/users/:id/${path}`, spec(permission, { fresh: fresh ?? false }), null, async (call) => {
      const user = await personOf(call);
      await act(call, user.id);
      call.done(pageOf(call), says(message, user));
    });

  for (const { path, permission, grade, fresh, title, verb, message, breaks, more, act } of ASKED)
    confirm(
      `/users/:id/${path}`,
      { ...spec(permission, fresh ? { fresh } : {}), grade },
      async (call) => {
        const user = await personOf(call);
        return {
          title: says(title, user),
          breaks: await breaks(call, user),
          verb,
          name: nameOf(user),
          back: pageOf(call),
          ...more?.(call),
        };
      },
      async (call, reason) => {
        const user = await personOf(call);
        await act(call, user.id, reason);
        const isGone = path === 'delete' && daysOf(call) === 0;
        call.done(isGone ? call.path('users') : pageOf(call), says(message, user));
      },
    );

  form('/users/:id/sessions/:sid/end', spec('sessions:write'), null, async (call) => {
    await call.services.access.endSession(call.operator, idOf(call), call.param('sid'));
    call.done(pageOf(call), 'console.person.sessionEnded');
  });
  form('/users/:id/apps/end', spec('sessions:write'), null, async (call) => {
    await call.services.access.disconnect(call.operator, idOf(call), call.field('client'));
    call.done(pageOf(call), 'console.person.withdrawn');
  });
  form('/users/:id/factors/:fid/remove', spec('users:credentials', { fresh: true }), null, async (call) => {
    await call.services.access.removeFactors(call.operator, idOf(call), call.param('fid'));
    call.done(pageOf(call), 'console.person.factorRemoved');
  });
  form(
    '/users/:id/identities/:iid/remove',
    spec('users:credentials', { fresh: true }),
    null,
    async (call) => {
      await call.services.access.removeIdentity(call.operator, idOf(call), call.param('iid'));
      call.done(pageOf(call), 'console.person.identityRemoved');
    },
  );

  form('/users/:id/profile', spec('users:write'), showPerson, async (call) => {
    const { services, operator } = call;
    const user = await personOf(call);
    const changes = profileChanges(call, user);
    const changed = await services.managedAccounts.update(operator, user.id, changes, call.expected);
    const undo = { action: `${pageOf(call)}/profile`, fields: undoFields(call, user, changed.version) };
    call.done(pageOf(call), says('console.person.saved', changed), undo);
  });
  form('/users/:id/email', spec('users:write'), showPerson, async (call) => {
    const { services, operator } = call;
    const user = await personOf(call);
    const changes = { email: call.field('email') };
    const changed = await services.managedAccounts.update(operator, user.id, changes, call.expected);
    // Undo restores a verified address as verified, which needs the permission to vouch for addresses.
    const wasProven = user.emailVerifiedAt !== null;
    const undo = {
      action: `${pageOf(call)}/email${wasProven ? '/undo' : ''}`,
      fields: { email: user.email, version: String(changed.version) },
    };
    const mayUndo = changed.email !== user.email && (!wasProven || call.may('users:credentials'));
    call.done(pageOf(call), says('console.person.saved', changed), mayUndo ? undo : undefined);
  });
  form('/users/:id/email/undo', spec('users:credentials', { fresh: true }), null, async (call) => {
    const changes = { email: call.field('email'), emailVerified: true };
    const { managedAccounts } = call.services;
    const changed = await managedAccounts.update(call.operator, idOf(call), changes, call.expected);
    call.done(pageOf(call), says('console.person.saved', changed));
  });
  form('/users/:id/roles', spec('roles:write', { fresh: true }), showPerson, async (call) => {
    const { services, operator } = call;
    const user = await personOf(call);
    const changed = await services.assignments.setRoles(
      operator,
      user.id,
      // An undo posts them as one text.
      call.fields('roles').flatMap((roles) => roles.split(' ').filter(Boolean)),
      call.expected,
    );
    const undo = {
      action: `${pageOf(call)}/roles`,
      fields: { roles: user.roles.join(' '), version: String(changed.version) },
    };
    call.done(pageOf(call), says('console.person.rolesSaved', changed), undo);
  });
  form('/users/:id/groups/add', spec('groups:write', { fresh: true }), null, async (call) => {
    await call.services.groups.add(call.operator, call.field('group'), idOf(call));
    call.done(pageOf(call), 'console.person.groupAdded');
  });
  form('/users/:id/groups/remove', spec('groups:write', { fresh: true }), null, async (call) => {
    const group = call.field('group');
    await call.services.groups.removeMember(call.operator, group, idOf(call));
    call.done(pageOf(call), 'console.person.groupRemoved', {
      action: `${pageOf(call)}/groups/add`,
      fields: { group },
    });
  });

  const viewing = spec('users:impersonate', { fresh: true });
  const askToView = async (call: ConsoleCall, wait?: { reason: string; until: Date }): Promise<void> => {
    const user = await personOf(call);
    call.show('users/view-as', { user, name: nameOf(user), wait });
  };
  page('/users/:id/view-as', viewing, (call) => askToView(call));
  form(
    '/users/:id/view-as',
    viewing,
    (call) => askToView(call),
    async (call) => {
      const reason = call.field('reason');
      const askFirst = call.field('ask_first') !== '';
      const view = await call.services.impersonation.request(call.operator, idOf(call), { reason, askFirst });
      if (view.state === 'waiting') return askToView(call, { reason, until: view.expiresAt });
      return seeOther(call.ctx, `${VIEW_PATH}?${new URLSearchParams({ token: view.token }).toString()}`);
    },
  );
}
