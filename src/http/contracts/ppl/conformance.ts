import {
  type Answer,
  type Case,
  newPerson,
  NO_TOKEN,
  pageCase,
  refusalCases,
  type Visitor,
} from '../door.ts';
const UNPROVEN = { detail: 'Could not validate credentials' };

const newUser = () => {
  const { email, password } = newPerson();
  return { email, password, name: 'John Doe' };
};

const login = ({ call }: Visitor, email: string, password: string, status = 200): Promise<Answer> =>
  call('login', { body: { email, password } }, { status });

/** A new account for one case, logged in by registering. */
async function arrive(visitor: Visitor) {
  const { call, removeBy } = visitor;
  const person = newUser();
  const { email, name } = person;
  const answer = await call(
    'register',
    { body: person, makes: person },
    { status: 201, body: { user: { email, name } } },
  );
  const account = Object.assign(person, {
    bearer: answer.text('access_token'),
    refresh_token: answer.text('refresh_token'),
    user: answer.value('user') as object,
  });
  removeBy(account, async () => {
    const bearer = (await login(visitor, account.email, account.password)).text('access_token');
    await call('deleteMe', { bearer }, { status: 200 });
  });
  return account;
}

export const cases: Case[] = [
  {
    section: 'POST /api/v1/auth/register',
    name: 'makes an account, logged in',
    async run(visitor) {
      const { bearer, user } = await arrive(visitor);
      await visitor.call('getMe', { bearer }, { status: 200, body: user });
    },
  },
  {
    section: 'POST /api/v1/auth/register',
    name: 'answers 400 to an email that is registered',
    async run(visitor) {
      const { email } = await arrive(visitor);
      const body = { detail: 'Email already registered' };
      await visitor.call('register', { body: { ...newUser(), email } }, { status: 400, body });
    },
  },
  {
    section: 'POST /api/v1/auth/register',
    name: 'answers 400 to invalid data',
    async run({ call }) {
      for (const wrong of [{ email: 'nowhere' }, { password: '' }, { name: 7 }])
        await call('register', { body: { ...newUser(), ...wrong } }, { status: 400 });
    },
  },
  {
    section: 'POST /api/v1/auth/login',
    name: 'returns the account and tokens',
    async run(visitor) {
      const { email, password, user } = await arrive(visitor);
      const body = { email, password };
      const answer = await visitor.call('login', { body }, { status: 200, body: { user } });
      await visitor.call('getMe', { bearer: answer.text('access_token') }, { status: 200 });
    },
  },
  {
    section: 'POST /api/v1/auth/login',
    name: 'answers 401 to a wrong password and to nobody',
    async run(visitor) {
      const { email } = await arrive(visitor);
      await login(visitor, email, 'wrong password', 401);
      await login(visitor, newPerson().email, 'wrong password', 401);
    },
  },
  {
    section: 'POST /api/v1/auth/refresh',
    name: 'returns a new access token, as often as it is asked to',
    async run(visitor) {
      const { refresh_token } = await arrive(visitor);
      for (let time = 0; time < 2; time += 1) {
        const answer = await visitor.call('refresh', { body: { refresh_token } }, { status: 200 });
        await visitor.call('getMe', { bearer: answer.text('access_token') }, { status: 200 });
      }
    },
  },
  {
    section: 'POST /api/v1/auth/refresh',
    name: 'answers 401 to a token that is none',
    async run({ call }) {
      const body = { refresh_token: NO_TOKEN };
      await call('refresh', { body }, { status: 401, body: UNPROVEN });
    },
  },
  {
    section: 'POST /api/v1/auth/logout',
    name: 'logs out',
    async run(visitor) {
      const { bearer } = await arrive(visitor);
      await visitor.call('logout', { bearer }, { status: 200 });
    },
  },
  {
    section: 'PUT /api/v1/users/me',
    name: 'changes what is given and leaves the rest',
    async run(visitor) {
      const account = await arrive(visitor);
      const { bearer, email } = account;
      const next = newPerson().email;
      await visitor.call(
        'updateMe',
        { bearer, body: { name: 'Jane Doe' } },
        { status: 200, body: { name: 'Jane Doe', email } },
      );
      await visitor.call(
        'updateMe',
        { bearer, body: { email: next } },
        { status: 200, body: { name: 'Jane Doe', email: next } },
      );
      account.email = next;
    },
  },
  {
    section: 'PUT /api/v1/users/me',
    name: 'answers 400 to an email that somebody else has',
    async run(visitor) {
      const [{ bearer }, { email }] = [await arrive(visitor), await arrive(visitor)];
      const body = { detail: 'Email already registered' };
      await visitor.call('updateMe', { bearer, body: { email } }, { status: 400, body });
    },
  },
  {
    section: 'PATCH /api/v1/users/me/password',
    name: 'changes the password of who knows the current one',
    async run(visitor) {
      const account = await arrive(visitor);
      const { bearer, email, password: current_password } = account;
      const { password: new_password } = newPerson();
      await visitor.call(
        'changePassword',
        { bearer, body: { current_password: 'wrong password', new_password } },
        { status: 400 },
      );
      await visitor.call(
        'changePassword',
        { bearer, body: { current_password, new_password } },
        { status: 200 },
      );
      account.password = new_password;
      await login(visitor, email, current_password, 401);
      await login(visitor, email, new_password);
    },
  },
  {
    section: 'DELETE /api/v1/users/me',
    name: 'deletes the account',
    async run(visitor) {
      const account = await arrive(visitor);
      const { bearer, email, password } = account;
      await visitor.call('deleteMe', { bearer }, { status: 200 });
      visitor.gone(account);
      await login(visitor, email, password, 401);
    },
  },
  {
    section: '401 Unauthorized',
    name: 'refuses protected endpoints without a valid token',
    async run({ call }) {
      for (const sent of [{}, { bearer: NO_TOKEN }]) {
        const expected = { status: 401, body: UNPROVEN };
        await call('logout', sent, expected);
        await call('getMe', sent, expected);
        await call('updateMe', { ...sent, body: {} }, expected);
        await call('changePassword', { ...sent, body: {} }, expected);
        await call('deleteMe', sent, expected);
      }
    },
  },
  {
    section: 'Health Check Endpoints',
    name: 'is healthy and ready',
    async run({ call }) {
      await call('health', {}, { status: 200 });
      await call('ready', {}, { status: 200 });
    },
  },
  ...refusalCases('Error Responses', '/api/v1/auth/login'),
  pageCase('Interactive Documentation', '/docs'),
  pageCase('Interactive Documentation', '/redoc'),
];
