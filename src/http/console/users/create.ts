import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';
import { profileChanges, profileFields } from './fields.ts';
import { nameOf, roleNames } from './people.ts';

/** How the owner of a new account gets access. */
const WAYS = ['invite', 'password', 'none'] as const;

/** Creation of an account. */
export function createRoutes({ page, form }: Room): void {
  const spec = { section: 'users', permission: 'users:write' } as const;

  const show = async (call: ConsoleCall): Promise<void> => {
    const text = (name: string) => profileFields(call, null).filter((field) => field.name === name);
    call.show('users/new', {
      first: [
        {
          name: 'email',
          label: 'field.email',
          type: 'email',
          required: true,
          attributes: { maxlength: 320, autocomplete: 'off' },
        },
        ...text('name'),
        {
          name: 'way',
          label: 'console.users.way',
          type: 'radios',
          value: 'invite',
          options: [
            { value: 'invite', label: 'console.users.wayInvite', hint: 'console.users.wayInviteHint' },
            { value: 'password', label: 'console.users.wayPassword' },
            { value: 'none', label: 'console.users.wayNone' },
          ],
        },
        {
          name: 'password',
          label: 'field.password',
          type: 'password',
          hint: 'console.users.passwordHint',
          attributes: { autocomplete: 'new-password', maxlength: 1024 },
        },
        ...(call.may('users:credentials')
          ? [{ name: 'email_verified', label: 'console.users.vouch', type: 'checkbox' }]
          : []),
        ...(call.may('roles:write')
          ? [
              {
                name: 'roles',
                label: 'console.users.roles',
                type: 'checks',
                value: ['user'],
                options: (await roleNames(call)).map((name) => ({ value: name, label: { text: name } })),
              },
            ]
          : []),
      ],
      more: profileFields(call, null).filter(({ name }) => name !== 'name'),
    });
  };

  page('/users/new', spec, show);
  form('/users/new', spec, show, async (call) => {
    const { services, operator } = call;
    const way = WAYS.find((one) => one === call.field('way')) ?? 'invite';
    const roles = call.fields('roles');
    const user = await services.managedAccounts.create(
      operator,
      {
        ...profileChanges(call, null),
        email: call.field('email'),
        emailVerified: call.field('email_verified') !== '' || undefined,
        ...(way === 'password' ? { password: call.raw('password') } : {}),
        ...(call.may('roles:write') && roles.length > 0 ? { roles } : {}),
        invite: way === 'invite',
      },
      { locale: call.language },
    );
    const message = way === 'invite' ? 'console.users.invited' : 'console.users.created';
    call.done(call.path('users', user.id), { key: message, params: { person: nameOf(user) } });
  });
}
