import { DomainError } from '../../core/errors.ts';
import { UsageError } from '../failure.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { readSecret } from '../options.ts';
import type { Report } from '../report.ts';
import { told, withUser } from '../user-report.ts';

/** Gives an account a role beside `user`, or with `user` takes the others away; what runs for it ends. */
export const setRole = (name: string, role: string): Promise<Report> =>
  withUser(name, async ({ id }, { accounts }) => {
    const user = await accounts.update(id, { roles: ['user', role] }, operator());
    return told(user, `Gave the role ${role} to`);
  });

/** Gives an account another address. It is asked for its proof, unless that is known to be theirs. */
export const setEmail = (
  name: string,
  email: string,
  { emailVerified = false }: { emailVerified?: boolean },
): Promise<Report> =>
  withUser(name, async ({ id }, { accounts }) => {
    const user = await accounts.update(id, { email, emailVerified }, operator());
    return told(user, `Set the address ${email} of`);
  });

interface ResetOptions {
  mail?: boolean;
  passwordStdin?: boolean;
  force?: boolean;
}

/** Sends a link to choose a new password, or sets one that the operator has made up. */
export async function resetPassword(
  name: string,
  { mail = false, passwordStdin = false, force = false }: ResetOptions,
): Promise<Report> {
  if (mail ? passwordStdin || force : !passwordStdin && !force)
    throw new UsageError('Say one of --mail, --force and --password-stdin.');
  const password = passwordStdin ? await readSecret() : null;
  return withUser(name, async (user, { managedAccounts, reset }) => {
    if (password !== null || force) {
      const how = { force, ...(password === null ? {} : { password }) };
      const changed = await managedAccounts.renewPassword(shellOperator(operator()), user.id, how);
      return told(
        changed,
        password === null ? 'A new password is asked for at the next sign-in of' : 'Set the password of',
      );
    }
    if (user.status === 'suspended') throw new DomainError('account_suspended');
    await reset.request({ email: user.email }, operator());
    return told(user, `A link to choose a new password goes to ${user.email}, the address of`, {
      sent: true,
    });
  });
}

/** Takes all second factors off an account whose owner has lost them. */
export const resetFactors = (name: string): Promise<Report> =>
  withUser(name, async (user, { mfa }) => {
    const removed = await mfa.reset(user.id, operator());
    return told(user, `Removed ${removed} second factors of`, { removed });
  });

/** Lets somebody try again who waits because of wrong passwords or codes. */
export const unlock = (name: string): Promise<Report> =>
  withUser(name, async ({ id }, { accounts }) => told(await accounts.unlock(id, operator()), 'Unlocked'));
