import { type Case, newPerson, NO_TOKEN, refusalCases } from 'postern/door';
export const cases: Case[] = [
  {
    section: 'Sessions',
    name: 'answers 401 to a wrong PIN',
    async run({ call }) {
      const { email, password: pin } = newPerson();
      const body = { problem: 'Who are you?', status: 401 };
      await call('openSession', { body: { email, pin } }, { status: 401, body });
    },
  },
  {
    section: 'Sessions',
    name: 'answers 401 without a card',
    async run({ call }) {
      for (const sent of [{}, { bearer: NO_TOKEN }]) {
        await call('showReader', sent, { status: 401 });
        await call('closeSession', sent, { status: 401 });
      }
    },
  },
  ...refusalCases('Problems', '/library/v1/session'),
];
