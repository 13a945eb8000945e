import type { Command } from 'commander';
import type { Accounts, User } from '../../domain/users/index.ts';
import { DomainError } from '../../kernel/errors.ts';
import { isUuid } from '../../kernel/ids.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, readSecret, repeated } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

const accountsOf = async <T>(work: (accounts: Accounts) => Promise<T>): Promise<T> => {
  const { withContainer } = await import('../session.ts');
  return withContainer(({ accounts }) => work(accounts));
};

const toJson = (user: User) => ({
  id: user.id,
  number: user.number,
  username: user.username,
  email: user.email,
  email_verified: user.emailVerifiedAt !== null,
  name: user.name,
  roles: user.roles,
  status: user.status,
  created_at: user.createdAt.toISOString(),
  last_login_at: user.lastLoginAt?.toISOString() ?? null,
});

const told = (user: User, what: string): Report => ({
  json: toJson(user),
  text: `${what} ${user.username ?? user.email} (${user.id}).`,
});

/** The account that an operator means by its UUID, number, email address or username. */
async function meant(accounts: Accounts, name: string): Promise<User> {
  const found = await Promise.all([
    isUuid(name) ? accounts.find(name) : null,
    /^\d{1,9}$/.test(name) ? accounts.findByNumber(Number(name)) : null,
    accounts.findByEmail(name),
    accounts.findByUsername(name),
  ]);
  const users = new Map(found.flatMap((user) => (user ? [[user.id, user]] : [])));
  if (users.size > 1) throw new UsageError(`"${name}" names ${users.size} accounts; give the id of one.`);
  const [user] = users.values();
  if (!user) throw new DomainError('user_not_found');
  return user;
}

interface CreateOptions {
  username?: string;
  email: string;
  password?: string;
  passwordStdin?: boolean;
  role?: string[];
  name?: string;
  emailVerified?: boolean;
}

async function passwordOf({ password, passwordStdin = false }: CreateOptions): Promise<string> {
  if (passwordStdin === (password !== undefined)) {
    throw new UsageError('Give the password by --password or by --password-stdin.');
  }
  return password ?? readSecret();
}

async function create(options: CreateOptions): Promise<Report> {
  const password = await passwordOf(options);
  const { username, email, name, emailVerified } = options;
  const roles = options.role && ['user', ...options.role];
  const account = { username, email, name, emailVerified, password, roles };
  const user = await accountsOf((accounts) => accounts.create(account, operator()));
  return told(user, 'Created');
}

async function list({ limit, after }: { limit: number; after?: string }): Promise<Report> {
  const users = await accountsOf(async (accounts) =>
    accounts.list({ limit, ...(after === undefined ? {} : { after: (await meant(accounts, after)).id }) }),
  );
  const rows = users.map((user) => [
    String(user.number),
    user.username ?? '-',
    user.email,
    user.roles.join(','),
    user.status,
    user.id,
  ]);
  return {
    json: { users: users.map(toJson) },
    text: table(['number', 'username', 'email', 'roles', 'status', 'id'], rows),
  };
}

/** A change of one account, with the account as it is afterwards. */
const changing =
  (change: (accounts: Accounts, user: User) => Promise<User>, what: string) =>
  async (name: string): Promise<Report> =>
    told(await accountsOf(async (accounts) => change(accounts, await meant(accounts, name))), what);

export function addUser(program: Command): void {
  const user = program.command('user').description('accounts: make, list, suspend, delete');
  const one = '<user>';
  const oneIs = 'its id, number, email address or username';

  reporting(
    user
      .command('create')
      .description('make an account')
      .option('--username <name>', 'what it can sign in with, beside its email address')
      .requiredOption('--email <address>', 'its email address')
      .option(
        '--password <password>',
        'its password (other users of this machine may see it in the process list)',
      )
      .option('--password-stdin', 'read the password from standard input')
      .option('--role <role>', 'a role besides "user": admin (can be repeated)', repeated)
      .option('--name <name>', 'the full name')
      .option('--email-verified', 'the address is known to be theirs'),
    create,
  );
  reporting(
    user
      .command('list')
      .description('list accounts, oldest first')
      .option('--limit <n>', 'how many', integer(1, 1000), 100)
      .option('--after <user>', `go on after this one (${oneIs})`),
    list,
  );
  reporting(
    user.command('suspend').description('lock an account out and end all its sessions').argument(one, oneIs),
    changing((accounts, { id }) => accounts.suspend(id, operator()), 'Suspended'),
  );
  reporting(
    user.command('reactivate').description('let a suspended account in again').argument(one, oneIs),
    changing((accounts, { id }) => accounts.reactivate(id, operator()), 'Reactivated'),
  );
  reporting(
    user.command('delete').description('delete an account with all that is its own').argument(one, oneIs),
    changing(async (accounts, found) => {
      await accounts.remove(found.id, operator());
      return found;
    }, 'Deleted'),
  );
}
