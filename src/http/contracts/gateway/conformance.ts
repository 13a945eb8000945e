import {
  type Answer,
  type Case,
  newPerson,
  NO_TOKEN,
  pageCase,
  refusalCases,
  type Visitor,
} from '../door.ts';
const UNPROVEN = { status: 401, body: { status: 401 } };

const login = ({ call }: Visitor, username: string, password: string, status = 200): Promise<Answer> =>
  call('login', { body: { username, password } }, { status });

/** A new account for one case, logged in by registering. */
async function arrive({ call }: Visitor) {
  const person = newPerson();
  const { username } = person;
  const answer = await call(
    'register',
    { body: person, makes: person },
    { status: 201, body: { username, role: 'ROLE_USER' } },
  );
  return {
    ...person,
    bearer: answer.text('accessToken'),
    refreshToken: answer.text('refreshToken'),
    userId: answer.value('userId'),
  };
}

const validate = ({ call }: Visitor, token: string, body: object): Promise<Answer> =>
  call('validate', { body: { token } }, { status: 200, body });

const registration: Case[] = [
  {
    section: '1. User Registration',
    name: 'makes an account, logged in',
    async run(visitor) {
      const { bearer, userId, username } = await arrive(visitor);
      await validate(visitor, bearer, { valid: true, userId, username });
    },
  },
  {
    section: '1. User Registration',
    name: 'answers 409 to a user that exists',
    async run(visitor) {
      const { username, email } = await arrive(visitor);
      const other = newPerson();
      for (const taken of [{ username }, { email }])
        await visitor.call(
          'register',
          { body: { ...other, ...taken } },
          { status: 409, body: { status: 409 } },
        );
    },
  },
  {
    section: '1. User Registration',
    name: 'answers 400 to invalid data, naming the field',
    async run({ call }) {
      for (const [field, value] of [
        ['email', 'nowhere'],
        ['password', ''],
        ['username', 7],
      ]) {
        const body = { status: 400, message: `Validation failed for field '${field}'` };
        await call('register', { body: { ...newPerson(), [String(field)]: value } }, { status: 400, body });
      }
    },
  },
];

const logins: Case[] = [
  {
    section: '2. User Login',
    name: 'returns the tokens',
    async run(visitor) {
      const { username, password, userId } = await arrive(visitor);
      const answer = await login(visitor, username, password);
      await validate(visitor, answer.text('accessToken'), { valid: true, userId });
    },
  },
  {
    section: '2. User Login',
    name: 'answers 401 to a wrong password and to nobody',
    async run(visitor) {
      const { username } = await arrive(visitor);
      await login(visitor, username, 'wrong password', 401);
      await login(visitor, newPerson().username, 'wrong password', 401);
    },
  },
  {
    section: '3. Token Refresh',
    name: 'returns new tokens',
    async run(visitor) {
      const { refreshToken, userId, username } = await arrive(visitor);
      const expected = { status: 200, body: { userId, username, role: 'ROLE_USER' } };
      const first = await visitor.call('refresh', { body: { refreshToken } }, expected);
      await validate(visitor, first.text('accessToken'), { valid: true, userId });
      await visitor.call('refresh', { body: { refreshToken: first.text('refreshToken') } }, expected);
    },
  },
  {
    section: '3. Token Refresh',
    name: 'answers 401 to a token that is none',
    async run({ call }) {
      await call('refresh', { body: { refreshToken: NO_TOKEN } }, UNPROVEN);
    },
  },
  {
    section: '4. Token Validation (API Gateway Use)',
    name: 'says when a token is not valid',
    async run(visitor) {
      for (const token of [NO_TOKEN, '']) await validate(visitor, token, { valid: false, userId: null });
    },
  },
  {
    section: '5. User Logout',
    name: 'invalidates the token',
    async run(visitor) {
      const { bearer } = await arrive(visitor);
      const body = { message: 'Successfully logged out' };
      await visitor.call('logout', { bearer }, { status: 200, body });
      await validate(visitor, bearer, { valid: false });
      await visitor.call('profile', { bearer }, UNPROVEN);
    },
  },
];

const mails: Case[] = [
  {
    section: '6. Password Reset Request',
    name: 'says that instructions were sent',
    async run(visitor) {
      const { email } = await arrive(visitor);
      const body = { message: 'Password reset instructions sent to your email' };
      await visitor.call('passwordReset', { body: { email } }, { status: 200, body });
    },
  },
  {
    section: '6. Password Reset Request',
    name: 'answers 404 to an address that nobody has',
    async run({ call }) {
      const { email } = newPerson();
      const body = { status: 404, message: 'User not found' };
      await call('passwordReset', { body: { email } }, { status: 404, body });
    },
  },
  {
    section: '7. Password Reset Confirmation',
    name: 'answers 400 to a token that is none',
    async run({ call }) {
      const body = { token: NO_TOKEN, newPassword: newPerson().password };
      await call('passwordResetConfirm', { body }, { status: 400, body: { status: 400 } });
    },
  },
  {
    section: '10. Email Verification',
    name: 'answers 400 to a token that is none',
    async run({ call }) {
      await call('verifyEmail', { params: { token: NO_TOKEN } }, { status: 400, body: { status: 400 } });
    },
  },
];

const accounts: Case[] = [
  {
    section: '8. Change Password',
    name: 'changes the password of who knows the current one',
    async run(visitor) {
      const { bearer, username, password: currentPassword } = await arrive(visitor);
      const { password: newPassword } = newPerson();
      const change = (current: string, status: number, message: string) =>
        visitor.call(
          'changePassword',
          { bearer, body: { currentPassword: current, newPassword } },
          { status, body: { message } },
        );
      await change('wrong password', 400, 'Invalid current password');
      await change(currentPassword, 200, 'Password changed successfully');
      await login(visitor, username, currentPassword, 401);
      await login(visitor, username, newPassword);
    },
  },
  {
    section: '9. Get User Profile',
    name: 'returns the profile',
    async run(visitor) {
      const { bearer, userId: id, username, email } = await arrive(visitor);
      const body = { id, username, email, role: 'USER', status: 'ACTIVE' };
      await visitor.call('profile', { bearer }, { status: 200, body });
    },
  },
  {
    section: 'Headers',
    name: 'answers 401 without a valid token',
    async run({ call }) {
      for (const sent of [{}, { bearer: NO_TOKEN }]) {
        await call('logout', sent, UNPROVEN);
        await call('profile', sent, UNPROVEN);
        await call('changePassword', { ...sent, body: {} }, UNPROVEN);
      }
    },
  },
  {
    section: '11. Health Check',
    name: 'is healthy',
    async run({ call }) {
      await call('health', {}, { status: 200 });
    },
  },
];

export const cases: Case[] = [
  ...registration,
  ...logins,
  ...mails,
  ...accounts,
  ...refusalCases('Error Response Format', '/api/v1/auth/login'),
  pageCase('Swagger UI', '/swagger'),
];
