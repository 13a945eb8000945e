import { type Answer, type Case, newPerson, NO_TOKEN, refusalCases, type Visitor } from '../door.ts';
const login = ({ call }: Visitor, email: string, password: string, status = 200): Promise<Answer> =>
  call('login', { body: { email, password } }, { status });

/** A new account for one case, logged in. */
async function arrive(visitor: Visitor) {
  const person = newPerson();
  const { username, email } = person;
  const created = await visitor.call(
    'createUser',
    { body: person, makes: person },
    { status: 201, body: { username, email } },
  );
  const signIn = async () => (await login(visitor, account.email, account.password)).text('token');
  const params = { user_id: String(created.value('id')) };
  const account = Object.assign(person, { params, created });
  visitor.removeBy(account, async () =>
    visitor.call('deleteUser', { params, bearer: await signIn() }, { status: 204 }),
  );
  return Object.assign(account, { bearer: await signIn() });
}

export const cases: Case[] = [
  {
    section: 'Create User',
    name: 'makes an account',
    run: async (visitor) => void (await arrive(visitor)),
  },
  {
    section: 'Create User',
    name: 'answers 400 to invalid input and to what somebody else has',
    async run(visitor) {
      const { username, email } = await arrive(visitor);
      const other = newPerson();
      for (const wrong of [{ email: 'nowhere' }, { password: '' }, { username }, { email }])
        await visitor.call('createUser', { body: { ...other, ...wrong } }, { status: 400 });
    },
  },
  {
    section: 'Get User',
    name: "returns one's own record",
    async run(visitor) {
      const { params, bearer, created } = await arrive(visitor);
      await visitor.call('getUser', { params, bearer }, { status: 200, body: created.body as object });
    },
  },
  {
    section: 'Get User',
    name: 'answers 404 to an id that is none',
    async run(visitor) {
      const { bearer } = await arrive(visitor);
      for (const user_id of ['0', '2147483647', '99999999999999999999', '-1', '0x1', ' 1', 'me'])
        await visitor.call('getUser', { params: { user_id }, bearer }, { status: 404 });
    },
  },
  {
    section: 'Get User',
    name: "refuses somebody else's record",
    async run(visitor) {
      const [{ params }, { bearer }] = [await arrive(visitor), await arrive(visitor)];
      await visitor.call('getUser', { params, bearer }, { status: 403 });
      await visitor.call('updateUser', { params, bearer, body: {} }, { status: 403 });
      await visitor.call('deleteUser', { params, bearer }, { status: 403 });
    },
  },
  {
    section: 'Update User',
    name: 'changes what is given and leaves the rest',
    async run(visitor) {
      const account = await arrive(visitor);
      const { params, bearer, username, password } = account;
      const { email, password: next } = newPerson();
      await visitor.call(
        'updateUser',
        { params, bearer, body: { email } },
        { status: 200, body: { username, email } },
      );
      await visitor.call('updateUser', { params, bearer, body: { password: next } }, { status: 200 });
      Object.assign(account, { email, password: next });
      await login(visitor, email, password, 401);
      await login(visitor, email, next);
    },
  },
  {
    section: 'Update User',
    name: 'answers 400 to invalid input',
    async run(visitor) {
      const { params, bearer } = await arrive(visitor);
      for (const body of [{ email: 'nowhere' }, { username: 7 }])
        await visitor.call('updateUser', { params, bearer, body }, { status: 400 });
    },
  },
  {
    section: 'Delete User',
    name: 'deletes the account',
    async run(visitor) {
      const account = await arrive(visitor);
      const { params, bearer, email, password } = account;
      await visitor.call('deleteUser', { params, bearer }, { status: 204 });
      visitor.gone(account);
      await login(visitor, email, password, 401);
    },
  },
  {
    section: 'User Login',
    name: 'answers 401 to a wrong password and to nobody',
    async run(visitor) {
      const { email } = await arrive(visitor);
      await login(visitor, email, 'wrong password', 401);
      await login(visitor, newPerson().email, 'wrong password', 401);
    },
  },
  {
    section: 'Logout',
    name: 'invalidates the token',
    async run(visitor) {
      const { params, bearer } = await arrive(visitor);
      await visitor.call('logout', { bearer }, { status: 200 });
      await visitor.call('getUser', { params, bearer }, { status: 401 });
    },
  },
  {
    section: 'Authentication',
    name: 'refuses protected endpoints without a valid token',
    async run({ call }) {
      const params = { user_id: '1' };
      for (const sent of [{ params }, { params, bearer: NO_TOKEN }]) {
        await call('getUser', sent, { status: 401 });
        await call('updateUser', { ...sent, body: {} }, { status: 401 });
        await call('deleteUser', sent, { status: 401 });
        await call('logout', sent, { status: 401 });
      }
    },
  },
  ...refusalCases('Error Handling', '/api/v1/auth/login'),
];
