import { expect, test } from '@jest/globals';
import { DatabaseError } from 'sequelize';
import { createLogger } from '../../src/core/logger.ts';

const SECRET = 'correct horse battery';

/** The log record of `error`, as text and parsed. */
function logged(error: unknown): { text: string; err: Record<string, unknown> } {
  let text = '';
  createLogger('info', { write: (line) => (text += line) }).error({ err: error }, 'failed');
  return { text, err: (JSON.parse(text) as { err: Record<string, unknown> }).err };
}

function thrown(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test('a logged error has its type, code, message, stack and causes', () => {
  const cause = Object.assign(new TypeError('no way through'), { code: 'ECONNRESET' });
  const { err } = logged(new Error('it failed', { cause }));
  expect(err).toEqual({
    type: 'Error',
    message: 'it failed',
    stack: expect.stringMatching(/^at .*logger\.test\.ts:\d+/),
    cause: {
      type: 'TypeError',
      code: 'ECONNRESET',
      message: 'no way through',
      stack: expect.stringContaining('logger.test.ts'),
    },
  });
  expect(logged(new AggregateError([cause], 'all failed')).err).toMatchObject({
    errors: [{ type: 'TypeError', code: 'ECONNRESET' }],
  });
});

const postgres = (code: string, message: string) =>
  Object.assign(new Error(message), {
    code,
    constraint: 'users_email_key',
    detail: `Key (email)=(${SECRET}) already exists.`,
    where: SECRET,
    parameters: [SECRET],
  });

test.each<[string, unknown]>([
  [
    "the request bytes that Node's parser attaches",
    Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID', rawPacket: Buffer.from(SECRET) }),
  ],
  ['the text that JSON.parse quotes', thrown(() => JSON.parse(`{"password":${SECRET}"}`))],
  [
    'the text that JSON.parse quotes across lines',
    thrown(() => JSON.parse(`{"a":\n\n "${SECRET}", "b" ${SECRET}`)),
  ],
  ['the detail of a violated constraint', postgres('23505', 'duplicate key value')],
  ['the value that PostgreSQL cannot read', postgres('22P02', `invalid syntax for uuid: "${SECRET}"`)],
  [
    'the statement and parameters that Sequelize attaches',
    new DatabaseError(
      Object.assign(postgres('22P02', `invalid syntax for uuid: "${SECRET}"`), { sql: `select '${SECRET}'` }),
    ),
  ],
  [
    'the arguments of a Redis command',
    Object.assign(new Error('OOM'), { command: { name: 'set', args: ['key', SECRET] } }),
  ],
  ['the input of an invalid URL', thrown(() => new URL(SECRET))],
  [
    'such a value in a cause or in an AggregateError',
    new AggregateError([Object.assign(new Error('one'), { body: SECRET })], 'all', {
      cause: Object.assign(new Error('two'), { headers: { authorization: SECRET } }),
    }),
  ],
  ['the value of something that is not an Error', { password: SECRET, message: SECRET, stack: SECRET }],
])('a logged error does not contain %s', (_, error) => {
  const { text } = logged(error);
  expect(text).not.toContain(SECRET);
  expect(text).not.toMatch(/correct|battery/);
  expect(text).not.toContain(Buffer.from(SECRET).toString('base64'));
  expect(text).not.toContain([...Buffer.from(SECRET)].join(','));
});

test('a logged error names the violated constraint', () => {
  expect(
    logged(new DatabaseError(Object.assign(postgres('23505', 'duplicate key'), { sql: '' }))).err,
  ).toMatchObject({
    code: '23505',
    constraint: 'users_email_key',
    message: 'duplicate key',
  });
});
