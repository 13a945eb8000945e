/** What pages about people have in common. */
import { DomainError, isDomainError } from '../../../core/errors.ts';
import { lacking, type Permission } from '../../../domain/operators/permissions.ts';
import { rolesOf } from '../../../domain/operators/rights.ts';
import type { User } from '../../../domain/users/index.ts';
import type { Message } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';

/** What a person is called. */
export const nameOf = ({ name, username, email }: Pick<User, 'name' | 'username' | 'email'>): string =>
  name ?? username ?? email;

/** The state of an account, as a badge. */
export function statusOf({ status, deletesAt }: Pick<User, 'status' | 'deletesAt'>): {
  badge: Message;
  tone?: 'good' | 'bad';
} {
  if (deletesAt !== null) return { badge: 'console.users.deletionDue', tone: 'bad' };
  return status === 'active'
    ? { badge: 'console.users.active', tone: 'good' }
    : { badge: 'console.users.suspended', tone: 'bad' };
}

/** Permissions of an account that the operator lacks: while there are some, it is out of reach. */
export const beyond = async ({ operator, services }: ConsoleCall, user: User): Promise<Permission[]> =>
  lacking(operator.permissions, await services.rights.weightOf(rolesOf(user)));

/** The names of all roles for whoever may give them; those that come with Postern for everybody else. */
export async function roleNames({ operator, services }: ConsoleCall): Promise<string[]> {
  const seeing = { ...operator, permissions: new Set<Permission>(['roles:read']) };
  return (await services.roles.list(seeing)).map(({ name }) => name);
}

/**
 * The account that a text names exactly: by id, number, address or username.
 * @throws DomainError user_not_found, with the field.
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

/** What became of one of many. */
export interface Outcome {
  id: string;
  name: string;
  /** Null when it was done. */
  problem: string | null;
}

/**
 * Does the same to each of the ticked rows, one after the other. One that is refused keeps no other back.
 * @param operation what the audit calls a refusal.
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
