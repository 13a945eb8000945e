import {
  type Answer,
  type Case,
  Mismatch,
  newPerson,
  NO_TOKEN,
  pageCase,
  refusalCases,
  type Visitor,
} from '../door.ts';
const names = { first_name: 'Test', last_name: 'User' };

const login = ({ call }: Visitor, username: string, password: string, status = 200): Promise<Answer> =>
  call('token', { body: { username, password } }, { status });

async function register({ call }: Visitor) {
  const person = { ...newPerson(), ...names };
  const { password: _, ...shown } = person;
  const body = { ...shown, is_active: true, is_superuser: false };
  const created = await call('register', { body: person, makes: person }, { status: 201, body });
  return { ...person, created };
}

/** The cookies of a reply, as a browser sends them back. */
function cookiesOf({ headers }: Answer): string {
  const set = headers.getSetCookie();
  if (!set.some((cookie) => /;\s*httponly/i.test(cookie)))
    throw new Mismatch('the reply sets no HttpOnly cookie, which the refresh token has to be in');
  return set.map((cookie) => cookie.split(';', 1)[0]).join('; ');
}

async function arrive(visitor: Visitor) {
  const person = await register(visitor);
  const answer = await login(visitor, person.username, person.password);
  return { ...person, bearer: answer.text('access_token'), Cookie: cookiesOf(answer) };
}

const tokens: Case[] = [
  {
    section: 'POST /auth/register',
    name: 'makes an account and returns it',
    run: async (visitor) => void (await register(visitor)),
  },
  {
    section: 'POST /auth/register',
    name: 'does without first and last name',
    async run({ call }) {
      const { username, email, password } = newPerson();
      const body = { username, email, password };
      await call('register', { body, makes: body }, { status: 201, body: { username, email } });
    },
  },
  {
    section: 'POST /auth/register',
    name: 'answers 400 to invalid input and to what somebody else has',
    async run(visitor) {
      const { username, email } = await register(visitor);
      for (const wrong of [
        { email: 'nowhere' },
        { password: '' },
        { username: 7 },
        { username },
        { email },
      ]) {
        const body = { error: { code: 'VALIDATION_ERROR', message: 'Invalid input parameters' } };
        await visitor.call('register', { body: { ...newPerson(), ...wrong } }, { status: 400, body });
      }
    },
  },
  {
    section: 'POST /auth/token (Login)',
    name: 'returns an access token, and the refresh token in an HttpOnly cookie',
    async run(visitor) {
      const { bearer, created } = await arrive(visitor);
      await visitor.call('me', { bearer }, { status: 200, body: created.body as object });
    },
  },
  {
    section: 'POST /auth/token (Login)',
    name: 'answers 401 to a wrong password and to nobody',
    async run(visitor) {
      const { username } = await register(visitor);
      await login(visitor, username, 'wrong password', 401);
      await login(visitor, newPerson().username, 'wrong password', 401);
    },
  },
  {
    section: 'POST /auth/token/refresh',
    name: 'returns a new access token for the cookie, and a new cookie',
    async run(visitor) {
      const { Cookie } = await arrive(visitor);
      const answer = await visitor.call('refresh', { headers: { Cookie } }, { status: 200 });
      await visitor.call('me', { bearer: answer.text('access_token') }, { status: 200 });
      await visitor.call('refresh', { headers: { Cookie: cookiesOf(answer) } }, { status: 200 });
    },
  },
  {
    section: 'POST /auth/token/refresh',
    name: 'answers 401 without the cookie',
    run: async ({ call }) => void (await call('refresh', {}, { status: 401 })),
  },
  {
    section: 'POST /auth/logout',
    name: 'revokes the tokens',
    async run(visitor) {
      const { bearer, Cookie } = await arrive(visitor);
      await visitor.call('logout', { bearer, headers: { Cookie } }, { status: 200 });
      await visitor.call('me', { bearer }, { status: 401 });
      await visitor.call('refresh', { headers: { Cookie } }, { status: 401 });
    },
  },
  {
    section: 'GET /auth/me',
    name: 'answers 401 without a valid token',
    async run({ call }) {
      await call('me', {}, { status: 401 });
      await call('me', { bearer: NO_TOKEN }, { status: 401 });
      await call('logout', {}, { status: 401 });
    },
  },
  {
    section: 'Service-Specific Features',
    name: "refuses another site's use of the cookie",
    async run(visitor) {
      const { Cookie } = await arrive(visitor);
      for (const from of [{ Origin: 'https://elsewhere.example' }, { 'Sec-Fetch-Site': 'cross-site' }])
        for (const operation of ['refresh', 'logout'])
          await visitor.call(operation, { headers: { Cookie, ...from } }, { status: 403 });
    },
  },
];

function isMismatch(error: unknown): null {
  if (error instanceof Mismatch) return null;
  throw error;
}

const apiKeys: Case[] = [
  {
    section: 'API Key Authentication (Optional)',
    name: 'takes an API key in place of the token',
    async run(visitor) {
      const { bearer, created } = await arrive(visitor);
      const keyRequest = { bearer, body: { name: 'case' } };
      const key = await visitor.call('createApiKey', keyRequest, { status: 201 }).catch(isMismatch);
      if (!key) {
        // The address would have to be confirmed first, and these cases cannot read its mail.
        const body = { error: { code: 'AUTHORIZATION_ERROR' } };
        await visitor.call('createApiKey', keyRequest, { status: 403, body });
        return;
      }
      const apiKey = key.text('api_key');
      await visitor.call('me', { apiKey }, { status: 200, body: created.body as object });
      await visitor.call('revokeApiKey', { bearer, params: { key_id: key.text('id') } }, { status: 200 });
      await visitor.call('me', { apiKey }, { status: 401 });
    },
  },
  {
    section: 'Health Check',
    name: 'is healthy',
    run: async ({ call }) => void (await call('health', {}, { status: 200 })),
  },
];

export const cases: Case[] = [
  ...tokens,
  ...apiKeys,
  ...refusalCases('Error Response Format', '/auth/token'),
  pageCase('Interactive Docs', '/docs'),
];
