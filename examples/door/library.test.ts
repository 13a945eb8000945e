/**
 * The door against a server that has it open: URL=http://localhost:8000 READER=reader@example.com PIN=… node --test library.test.ts
 * What a document demands is in conformance.ts, for `postern contract verify`; here is what only this server can be asked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

const { URL: server = 'http://localhost:8000', READER: email = '', PIN: pin = '' } = process.env;

const session = (method: string, sent: { body?: object; card?: string } = {}) =>
  fetch(`${server}/contracts/library/library/v1/session`, {
    method,
    headers: {
      ...(sent.body ? { 'Content-Type': 'application/json' } : {}),
      ...(sent.card === undefined ? {} : { Authorization: `Bearer ${sent.card}` }),
    },
    ...(sent.body ? { body: JSON.stringify(sent.body) } : {}),
  });

void test('a reader comes, is shown, and goes', async () => {
  const opened = await session('POST', { body: { email, pin } });
  assert.equal(opened.status, 200);
  const { card, reader } = (await opened.json()) as { card: string; reader: object };
  assert.equal((reader as { email: string }).email, email);
  assert.deepEqual(await (await session('GET', { card })).json(), reader);
  assert.equal((await session('DELETE', { card })).status, 204);
  const gone = await session('GET', { card });
  assert.equal(gone.status, 401);
  assert.deepEqual(Object.keys((await gone.json()) as object), ['problem', 'status']);
});
