import { expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { at, errorOf, openDomain, openStores } from '../harness.ts';
import { codeOf, enrolTotp, NOW, person, somewhere } from './people.ts';
import { wide } from '../../support/wide.ts';

const domain = openDomain({ now: NOW }, openStores());
const verify = async (id: string, code: unknown, actor = somewhere()) =>
  errorOf((await domain).mfa.verify(id, { code }, actor));
const right = { code: 'none' };
const wrong = { code: 'invalid_credentials', field: 'otp' };

async function somebody() {
  const { id } = await person(await domain);
  const { recoveryCodes } = await enrolTotp(await domain, id);
  return { id, recoveryCodes };
}

test('recovery codes are ten, readable, random, and stored as hashes only', async () => {
  const { pool } = await domain;
  const { id, recoveryCodes } = await somebody();
  expect(recoveryCodes).toHaveLength(10);
  expect(new Set(recoveryCodes).size).toBe(10);
  for (const code of recoveryCodes)
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}$/);
  const { rows } = await pool.query<{ hash: string }>(
    'select hash from recovery_codes where account_id = $1',
    [id],
  );
  expect(rows).toHaveLength(10);
  expect(JSON.stringify(rows)).not.toContain(recoveryCodes[0]!.replaceAll('-', ''));
});

test('recovery codes work once each, and the owner is told how many are left', async () => {
  const { mfa, sentNotices } = await domain;
  const { id, recoveryCodes } = await somebody();
  const actor = somewhere();
  expect(await mfa.verify(id, { code: recoveryCodes[0] }, actor)).toEqual({
    method: 'recovery',
    amr: ['mfa'],
  });
  const [event] = await audit.list({ limit: 1, subject: id });
  expect(event).toMatchObject({ type: 'recovery_code.used', details: { left: 9 }, actor });
  expect(sentNotices.at(-1)).toMatchObject({ kind: 'recovery-code-used', accountId: id, about: { left: 9 } });
  expect(await verify(id, recoveryCodes[0])).toEqual(wrong);
  expect(await verify(id, recoveryCodes[1])).toEqual(right);
  expect((await mfa.status(id)).recoveryCodesLeft).toBe(8);
});

test('recovery codes may be typed as they were read', async () => {
  const { id, recoveryCodes } = await somebody();
  const typed = recoveryCodes[0]!
    .toLowerCase()
    .replaceAll('-', ' ')
    .replaceAll('0', 'o')
    .replaceAll('1', 'l');
  expect(await verify(id, ` ${typed}\n`)).toEqual(right);
  expect(await verify(id, wide(recoveryCodes[1]!))).toEqual(right);
  expect(await verify(id, recoveryCodes[2]!.replaceAll('-', '–'))).toEqual(right);
});

test('recovery codes belong to one account', async () => {
  const [one, two] = [await somebody(), await somebody()];
  expect(await verify(two.id, one.recoveryCodes[0])).toEqual(wrong);
  expect(await verify(one.id, one.recoveryCodes[0])).toEqual(right);
});

test('a recovery code tried in parallel works once', async () => {
  const { mfa } = await domain;
  const { id, recoveryCodes } = await somebody();
  const actor = somewhere();
  const tries = await Promise.all(Array.from({ length: 20 }, () => verify(id, recoveryCodes[0], actor)));
  expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
  expect((await mfa.status(id)).recoveryCodesLeft).toBe(9);
});

test('a recovery code is not used up by a source that has to wait', async () => {
  const { mfa } = await domain;
  const { id, recoveryCodes } = await somebody();
  const actor = somewhere();
  for (let index = 0; index < 5; index += 1) await verify(id, 'AAAA-BBBB-CCCC', actor);
  expect(await verify(id, recoveryCodes[0], actor)).toMatchObject({ code: 'account_locked' });
  expect((await mfa.status(id)).recoveryCodesLeft).toBe(10);
  expect(await verify(id, recoveryCodes[0])).toEqual(right);
});

test('new recovery codes replace the old ones', async () => {
  const { mfa, sentNotices } = await domain;
  const { id, recoveryCodes } = await somebody();
  await verify(id, recoveryCodes[0]);
  const codes = await mfa.recoveryCodes.regenerate(id, at(null));
  expect(codes).toHaveLength(10);
  expect((await mfa.status(id)).recoveryCodesLeft).toBe(10);
  expect(await verify(id, recoveryCodes[1])).toEqual(wrong);
  expect(await verify(id, codes[1])).toEqual(right);
  const events = await audit.list({ limit: 10, subject: id });
  expect(events.map(({ type }) => type)).toContain('recovery_codes.regenerated');
  expect(
    sentNotices.some(
      ({ accountId, about }) => accountId === id && 'kind' in about && about.kind === 'recovery-codes',
    ),
  ).toBe(true);
});

test('regenerating recovery codes in parallel leaves ten', async () => {
  const { mfa } = await domain;
  const { id } = await somebody();
  const made = await Promise.all(Array.from({ length: 8 }, () => mfa.recoveryCodes.regenerate(id, at(null))));
  expect((await mfa.status(id)).recoveryCodesLeft).toBe(10);
  const outcomes = await Promise.all(made.map(([code]) => verify(id, code)));
  expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
});

test('recovery codes need a factor: without one there are none', async () => {
  const { mfa } = await domain;
  const { id } = await person(await domain);
  expect(await errorOf(mfa.recoveryCodes.regenerate(id, at(null)))).toEqual({ code: 'factor_not_found' });
  expect(await errorOf(mfa.recoveryCodes.regenerate('nobody', at(null)))).toEqual({ code: 'user_not_found' });
  const { id: totp, recoveryCodes } = await enrolTotp(await domain, id);
  await mfa.totp.remove(id, totp, at(null));
  expect(await verify(id, recoveryCodes[0])).toEqual(wrong);
  // The next first factor brings new ones.
  const again = await enrolTotp(await domain, id);
  expect(again.recoveryCodes).toHaveLength(10);
  expect(await verify(id, recoveryCodes[0])).toEqual(wrong);
  expect(await verify(id, codeOf(again.secret))).toEqual(right);
});
