/** Shared parts of pages about people. */
import { DomainError, isDomainError } from '../../../core/errors.ts';
import { lacking, type Permission } from '../../../domain/operators/permissions.ts';
import { rolesOf } from '../../../domain/operators/rights.ts';
import type { User } from '../../../domain/users/index.ts';
import type { Message } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';

/** The display name of a person. */
export const nameOf = ({ name, username, email }: Pick<User, 'name' | 'username' | 'email'>): string =>
  name ?? username ?? email;

/** The state of an account, as a badge. */
export function statusOf({ status, deletesAt }: Pick<User, 'status' | 'deletesAt'>): {
  badge: Message;
  tone?: 'good' | 'alert';
} {
  if (deletesAt !== null) return { badge: 'console.users.deletionDue', tone: 'alert' };
  return status === 'active'
    ? { badge: 'console.users.active', tone: 'good' }
    : { badge: 'console.users.suspended', tone: 'alert' };
}

/** Permissions of an account that the operator lacks. If there are any, the operator may not change the account. */
export const beyond = async ({ operator, services }: ConsoleCall, user: User): Promise<Permission[]> =>
  lacking(operator.permissions, await services.rights.weightOf(rolesOf(user)));

/** Names of all roles for an operator who may assign them; the built-in ones for others. */
export async function roleNames({ operator, services }: ConsoleCall): Promise<string[]> {
  const seeing = { ...operator, permissions: new Set<Permission>(['roles:read']) };
  return (await services.roles.list(seeing)).map(({ name }) => name);
}

/**
 * Finds the account by exact id, number, address or username. @throws DomainError user_not_found, with the field.
 */
export async function findPerson(
  { operator, services }: ConsoleCall,
  text: string,
  field: string,
): Promise<User> {
  const typed = text.trim();
  const seeing = { ...operator, permissions: new Set<Permission>(['users:read']) };
  const { items } =
    typed === ''
      ? { items: [] }
      : await services.people.list(seeing, { filters: { search: typed.slice(0, 200) }, limit: 20 });
  const folded = typed.toLowerCase();
  const found = items.find(({ id, number, email, username }) =>
    [id, String(number), email.toLowerCase(), username?.toLowerCase()].includes(folded),
  );
  if (!found) throw new DomainError('user_not_found', { field });
  return found;
}

/** Outcome for one row of a bulk action. */
export interface Outcome {
  id: string;
  name: string;
  /** Null on success. */
  problem: string | null;
}

/**
 * Applies an action to each selected row in turn. A refusal stops no other. @param operation the name of the
 * operation in the audit of a refusal.
 */
export async function forEach(
  call: ConsoleCall,
  operation: string,
  ids: readonly string[],
  act: (id: string) => Promise<string>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const id of ids) {
    try {
      outcomes.push({ id, name: await act(id), problem: null });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      await call.services.noteRefused(error, call.operator, operation);
      outcomes.push({ id, name: id, problem: error.code });
    }
  }
  return outcomes;
}
