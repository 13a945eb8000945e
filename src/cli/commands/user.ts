import type { Command } from 'commander';
import type { Accounts, User } from '../../domain/users/index.ts';
import { PROFILE_FIELDS, type ProfileText } from '../../domain/users/profile-fields.ts';
import { confirm } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, readSecret, repeated, uuid } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';
import { meant, nameOf, told, userJson, withUser } from '../user-report.ts';

const accountsOf = async <T>(work: (accounts: Accounts) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ accounts }) => work(accounts));
};

interface CreateOptions extends Partial<Record<ProfileText, string>> {
  username?: string;
  email: string;
  password?: string;
  passwordStdin?: boolean;
  role?: string[];
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
  const { username, email, emailVerified } = options;
  const roles = options.role && ['user', ...options.role];
  const profile = Object.fromEntries(PROFILE_FIELDS.map(({ name }) => [name, options[name]]));
  const account = { ...profile, username, email, emailVerified, password, roles };
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
    json: {
      users: users.map(userJson),
      next_cursor: users.length < limit ? null : (users.at(-1)?.id ?? null),
    },
    text: table(['number', 'username', 'email', 'roles', 'status', 'id'], rows),
  };
}

/** A change of one account, with the account as it is afterwards. */
const changing =
  (change: (accounts: Accounts, user: User) => Promise<User>, what: string) =>
  (name: string): Promise<Report> =>
    withUser(name, async (user, { accounts }) => told(await change(accounts, user), what));

const remove = (name: string, { yes = false }: { yes?: boolean }): Promise<Report> =>
  withUser(name, async (user, { accounts }) => {
    await confirm(`Delete ${nameOf(user)} with all that is its own?`, yes);
    await accounts.remove(user.id, operator());
    return told(user, 'Deleted');
  });

/** Adds an option for each text of the profile: `--given-name` for `givenName`. */
function withProfile(command: Command): Command {
  for (const { name, description } of PROFILE_FIELDS) {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.option(`--${flag} <text>`, description);
  }
  return command;
}

const ONE = '<user>';
const ONE_IS = 'its id, number, email address or username';

export function addUser(program: Command): void {
  const user = program.command('user').description('accounts: make, list, look at, help, suspend, delete');
  const command = (name: string, description: string) =>
    user.command(name).description(description).argument(ONE, ONE_IS);

  reporting(
    withProfile(
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
        .option('--email-verified', 'the address is known to be theirs'),
    ),
    create,
  );
  reporting(
    user
      .command('list')
      .description('list accounts, oldest first')
      .option('--limit <n>', 'how many', integer(1, 1000), 100)
      .option('--after <user>', `go on after this one (${ONE_IS})`),
    list,
  );
  addLooks(command);
  addChanges(command);
  reporting(
    command('suspend', 'lock an account out and end all its sessions'),
    changing((accounts, { id }) => accounts.suspend(id, operator()), 'Suspended'),
  );
  reporting(
    command('reactivate', 'let a suspended account in again'),
    changing((accounts, { id }) => accounts.reactivate(id, operator()), 'Reactivated'),
  );
  reporting(
    command('delete', 'delete an account with all that is its own').option('--yes', 'do not ask'),
    remove,
  );
}

type MakeCommand = (name: string, description: string) => Command;

function addLooks(command: MakeCommand): void {
  const load = () => import('./user-show.ts');
  reporting(command('show', 'all that there is of an account'), async (name: string) =>
    (await load()).showUser(name),
  );
  reporting(
    command('sessions', 'where an account is signed in').option(
      '--end',
      'sign it out everywhere, and end what acts for it',
    ),
    async (name: string, options: { end?: boolean }) => (await load()).userSessions(name, options),
  );
  reporting(
    command('audit', 'what happened to an account, the newest first')
      .option('--limit <n>', 'how many', integer(1, 1000), 50)
      .option('--after <event>', 'go on after this one (its id)', uuid),
    async (name: string, options: { limit: number; after?: string }) =>
      (await load()).userAudit(name, options),
  );
}

function addChanges(command: MakeCommand): void {
  const load = () => import('./user-change.ts');
  reporting(
    command('set-role', 'give an account a role; what runs for it ends').argument('<role>', 'user or admin'),
    async (name: string, role: string) => (await load()).setRole(name, role),
  );
  reporting(
    command('set-email', 'give an account another address, and ask there for its proof')
      .argument('<address>')
      .option('--email-verified', 'the address is known to be theirs'),
    async (name: string, email: string, options: { emailVerified?: boolean }) =>
      (await load()).setEmail(name, email, options),
  );
  reporting(
    command('reset-password', 'have an account choose a new password, or set one')
      .option('--mail', 'send a link to its address')
      .option('--password-stdin', 'read the new password from standard input'),
    async (name: string, options: { mail?: boolean; passwordStdin?: boolean }) =>
      (await load()).resetPassword(name, options),
  );
  reporting(command('reset-factors', 'take all second factors off an account'), async (name: string) =>
    (await load()).resetFactors(name),
  );
  reporting(
    command('unlock', 'let somebody try again who waits because of wrong passwords'),
    async (name: string) => (await load()).unlock(name),
  );
}
