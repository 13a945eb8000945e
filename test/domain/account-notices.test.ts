import { describe, expect, test } from '@jest/globals';
import { at, newEmail, openDomain, operator } from './harness.ts';

const PASSWORD = 'the right password';
const opened = openDomain();
const person = at('203.0.113.7');

/** The notices for the owner of `accountId`, in order. */
const noticesOf = async (accountId: string) =>
  (await opened).sentNotices.filter((notice) => notice.accountId === accountId).map(({ kind }) => kind);

describe('the owner is notified by mail', () => {
  test('to verify the address of an account registered by its owner, not by an operator', async () => {
    const { accounts } = await opened;
    const own = await accounts.register({ email: newEmail(), password: PASSWORD }, person);
    const made = await accounts.create({ email: newEmail(), password: PASSWORD }, operator);
    expect(await noticesOf(own.id)).toEqual(['verify-email']);
    expect(await noticesOf(made.id)).toEqual([]);
  });

  test('of a new password, whoever set it', async () => {
    const { accounts } = await opened;
    const { id } = await accounts.create({ email: newEmail(), password: PASSWORD }, operator);
    await accounts.changePassword(id, PASSWORD, 'another good password', person);
    await accounts.setPassword(id, 'yet another password', operator);
    expect(await noticesOf(id)).toEqual(['password-changed', 'password-changed']);
  });

  test('of a new address at the old one, and asked to verify the new one', async () => {
    const { accounts } = await opened;
    const { id } = await accounts.create({ email: newEmail(), password: PASSWORD }, operator);
    await accounts.update(id, { email: newEmail() }, person);
    expect(await noticesOf(id)).toEqual(['email-changed', 'verify-email']);
    await accounts.update(id, { email: newEmail(), emailVerified: true }, operator);
    expect(await noticesOf(id)).toEqual(['email-changed', 'verify-email', 'email-changed']);
    await accounts.update(id, { name: 'A Name' }, person);
    expect(await noticesOf(id)).toHaveLength(3);
  });
});

test('a change of roles ends sessions and tokens, setting the same roles does not', async () => {
  const { accounts, ended } = await opened;
  const { id } = await accounts.create({ email: newEmail(), password: PASSWORD }, operator);
  await accounts.update(id, { roles: ['user'] }, operator);
  expect(ended).not.toContain(id);
  await accounts.update(id, { roles: ['user', 'admin'] }, operator);
  expect(ended).toContain(id);
});
