import { type Answer, type Case, newPerson, NO_TOKEN, refusalCases, type Visitor } from '../door.ts';
/** A new account for one case, with its id. */
async function register({ call, removeBy }: Visitor) {
  const person = newPerson();
  const { username, email } = person;
  const answer = await call(
    'createUser',
    { body: person, makes: person },
    { status: 201, body: { username, email } },
  );
  const account = Object.assign(person, { id: answer.text('id'), created: answer });
  removeBy(account, () => call('deleteUser', { params: { user_id: account.id } }, { status: 204 }));
  return account;
}

const login = ({ call }: Visitor, username: string, password: string, status = 200): Promise<Answer> =>
  call('login', { body: { username, password } }, { status });

const UNKNOWN_ID = '7c3c6d5c-0000-4000-8000-000000000000';

export const cases: Case[] = [
  {
    section: '1. Register User',
    name: 'makes an account and returns it',
    run: async (visitor) => void (await register(visitor)),
  },
  {
    section: '1. Register User',
    name: 'answers 409 to a username or an email that exists',
    async run(visitor) {
      const { username, email, password } = await register(visitor);
      const other = newPerson();
      await visitor.call('createUser', { body: { ...other, username } }, { status: 409 });
      await visitor.call('createUser', { body: { ...other, email } }, { status: 409 });
      await visitor.call('createUser', { body: { username, email, password } }, { status: 409 });
    },
  },
  {
    section: '1. Register User',
    name: 'answers 400 to what is no email address',
    async run({ call }) {
      await call('createUser', { body: { ...newPerson(), email: 'nowhere' } }, { status: 400 });
    },
  },
  {
    section: '2. Get User',
    name: 'returns the account as it was made',
    async run(visitor) {
      const { id, created } = await register(visitor);
      await visitor.call(
        'getUser',
        { params: { user_id: id } },
        { status: 200, body: created.body as object },
      );
    },
  },
  {
    section: '2. Get User',
    name: 'answers 404 to an id that is none',
    async run({ call }) {
      for (const user_id of [UNKNOWN_ID, '1', 'x y'])
        await call('getUser', { params: { user_id } }, { status: 404 });
    },
  },
  {
    section: '3. Update User',
    name: 'changes what is given and leaves the rest',
    async run(visitor) {
      const { id, username, password } = await register(visitor);
      const { email, ...next } = newPerson();
      const params = { user_id: id };
      await visitor.call(
        'updateUser',
        { params, body: { email } },
        { status: 200, body: { id, username, email } },
      );
      await visitor.call(
        'updateUser',
        { params, body: next },
        { status: 200, body: { username: next.username, email } },
      );
      await login(visitor, next.username, next.password);
      await login(visitor, next.username, password, 401);
    },
  },
  {
    section: '3. Update User',
    name: 'answers 400 to invalid data and to what somebody else has',
    async run(visitor) {
      const [one, other] = [await register(visitor), await register(visitor)];
      const params = { user_id: one.id };
      for (const body of [{ email: 'nowhere' }, { username: 7 }, { email: other.email }])
        await visitor.call('updateUser', { params, body }, { status: 400 });
    },
  },
  {
    section: '3. Update User',
    name: 'answers 404 to an id that is none',
    async run({ call }) {
      await call('updateUser', { params: { user_id: UNKNOWN_ID }, body: {} }, { status: 404 });
    },
  },
  {
    section: '4. Delete User',
    name: 'deletes the account, once',
    async run(visitor) {
      const account = await register(visitor);
      const { id, username, password } = account;
      const params = { user_id: id };
      await visitor.call('deleteUser', { params }, { status: 204 });
      visitor.gone(account);
      await visitor.call('getUser', { params }, { status: 404 });
      await visitor.call('deleteUser', { params }, { status: 404 });
      await login(visitor, username, password, 401);
    },
  },
  {
    section: '5. Login',
    name: 'returns a token',
    async run(visitor) {
      const { username, password } = await register(visitor);
      (await login(visitor, username, password)).text('token');
    },
  },
  {
    section: '5. Login',
    name: 'answers 401 to a wrong password and to nobody',
    async run(visitor) {
      const { username } = await register(visitor);
      await login(visitor, username, 'wrong password', 401);
      await login(visitor, newPerson().username, 'wrong password', 401);
    },
  },
  {
    section: '6. Refresh Token',
    name: 'returns a new access token, as often as it is asked to',
    async run(visitor) {
      const { username, password } = await register(visitor);
      const refresh_token = (await login(visitor, username, password)).text('refresh_token');
      for (let time = 0; time < 2; time += 1)
        (await visitor.call('refresh', { body: { refresh_token } }, { status: 200 })).text('token');
    },
  },
  {
    section: '6. Refresh Token',
    name: 'answers 401 to a token that is none',
    async run({ call }) {
      await call('refresh', { body: { refresh_token: NO_TOKEN } }, { status: 401 });
    },
  },
  {
    section: 'Authentication',
    name: 'refuses every endpoint without an API key, or with a wrong one',
    async run({ call }) {
      const params = { user_id: UNKNOWN_ID };
      for (const apiKey of [null, 'wrong'])
        for (const operation of ['createUser', 'getUser', 'updateUser', 'deleteUser', 'login', 'refresh'])
          await call(
            operation,
            { params, apiKey, body: operation === 'getUser' ? undefined : {} },
            { status: 401 },
          );
    },
  },
  ...refusalCases('Note', '/api/v1/auth/login'),
];
