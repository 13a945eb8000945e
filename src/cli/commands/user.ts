import { type Command, InvalidArgumentError, Option } from 'commander';
import { shellOperator } from '../../domain/operators/operator.ts';
import type { ManagedAccounts } from '../../domain/operators/accounts.ts';
import type { User } from '../../domain/users/index.ts';
import { PROFILE_FIELDS, type ProfileText } from '../../domain/users/profile-fields.ts';
import { confirm } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, readSecret, repeated, uuid } from '../options.ts';
import { type Report, reporting } from '../report.ts';
import { nameOf, told, withUser } from '../user-report.ts';
import type { FactorFilter, ListOptions, ProfileOptions, UserSort } from './user-manage.ts';

interface CreateOptions extends Partial<Record<ProfileText, string>> {
  username?: string;
  email: string;
  password?: string;
  passwordStdin?: boolean;
  role?: string[];
  emailVerified?: boolean;
  invite?: boolean;
}

async function passwordOf({
  password,
  passwordStdin = false,
  invite = false,
}: CreateOptions): Promise<string | null> {
  if (invite && !passwordStdin && password === undefined) return null;
  if (passwordStdin === (password !== undefined)) {
    throw new UsageError(
      'Give a password with --password or --password-stdin, or let the owner choose one with --invite.',
    );
  }
  return password ?? readSecret();
}

async function create(options: CreateOptions): Promise<Report> {
  const password = await passwordOf(options);
  const { username, email, emailVerified } = options;
  const roles = options.role && ['user', ...options.role];
  const profile = Object.fromEntries(PROFILE_FIELDS.map(({ name }) => [name, options[name]]));
  const account = { ...profile, username, email, emailVerified, password, roles };
  const { withCore } = await import('../session.ts');
  const user = await withCore(({ managedAccounts }) =>
    managedAccounts.create(shell(), { ...account, invite: password === null }),
  );
  return told(user, password === null ? 'Created and invited' : 'Created');
}

/** Changes one account and reports the result. */
const changing =
  (change: (accounts: ManagedAccounts, user: User, why: Why) => Promise<User>, what: string) =>
  (name: string, why: Why = {}): Promise<Report> =>
    withUser(name, async (user, { managedAccounts }) => told(await change(managedAccounts, user, why), what));

interface Why {
  reason?: string;
}

const shell = () => shellOperator(operator());

const remove = (
  name: string,
  { yes = false, afterDays = 0, reason }: Why & { yes?: boolean; afterDays?: number },
): Promise<Report> =>
  withUser(name, async (user, { managedAccounts }) => {
    const when = afterDays > 0 ? ` in ${afterDays} days` : '';
    await confirm(`Delete ${nameOf(user)} and all its data${when}?`, yes);
    const left = await managedAccounts.remove(shell(), user.id, { afterDays, reason });
    const deletesAt = left?.deletesAt?.toISOString() ?? null;
    return left
      ? told(left, `Suspended, to be deleted at ${deletesAt ?? ''}:`, { deletes_at: deletesAt })
      : told(user, 'Deleted');
  });

/** Adds an option for each text of the profile: `--given-name` for `givenName`. */
function withProfile(command: Command): Command {
  for (const { name, description } of PROFILE_FIELDS) {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.option(`--${flag} <text>`, description);
  }
  return command;
}

const SORTS: readonly UserSort[] = ['created_at', 'last_login_at', 'email', 'number'];
const FACTORS: readonly FactorFilter[] = ['totp', 'passkey', 'recovery_codes', 'none'];

/** Adds a repeatable option. */
const choices = (flags: string, values: readonly string[]) =>
  new Option(flags).choices(values).argParser<string[]>((value, previous) => {
    if (!values.includes(value)) throw new InvalidArgumentError(`must be one of ${values.join(', ')}.`);
    return repeated(value, previous);
  });

/** Parses an option that is a point in time. */
function moment(value: string): Date {
  const at = new Date(value);
  if (!/^\d{4}-\d\d-\d\d(T.+(Z|[+-]\d\d:\d\d))?$/.test(value) || Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('must be a time like 2026-11-27T10:00:00Z or a date.');
  return at;
}

const ONE = '<user>';
const ONE_IS = 'id, number, email address or username';

export function addUser(program: Command): void {
  const user = program.command('user').description('manage accounts');
  const command = (name: string, description: string) =>
    user.command(name).description(description).argument(ONE, ONE_IS);

  reporting(
    withProfile(
      user
        .command('create')
        .description('create an account')
        .option('--username <name>', 'username, an alternative to the email address at sign-in')
        .requiredOption('--email <address>', 'email address')
        .option(
          '--password <password>',
          'password (visible to other users of this machine in the process list)',
        )
        .option('--password-stdin', 'read the password from standard input')
        .option('--role <role>', 'a role besides "user": admin (can be repeated)', repeated)
        .option('--email-verified', 'mark the address as verified')
        .option('--invite', 'mail the owner a link to choose a password'),
    ),
    create,
  );
  reporting(
    user
      .command('list')
      .description('list accounts, oldest first unless sorted; a repeated option matches any of its values')
      .option('--search <text>', 'part of the name, address or username, or an id or number')
      .addOption(choices('--status <status>', ['active', 'suspended']))
      .option('--role <role>', 'role, assigned directly or by a group', repeated)
      .option('--group <group>', 'group id', repeated)
      .addOption(choices('--factor <factor>', FACTORS))
      .addOption(new Option('--email-verified <yes>').choices(['true', 'false']))
      .option('--door <door>', 'door that the account was used at', repeated)
      .option('--created-after <time>', 'RFC 3339, inclusive', moment)
      .option('--created-before <time>', 'RFC 3339, exclusive', moment)
      .option('--last-login-after <time>', 'RFC 3339, inclusive', moment)
      .option('--last-login-before <time>', 'RFC 3339, exclusive', moment)
      .addOption(
        new Option('--sort <sort>', 'sort key; prefix with - for descending').choices([
          ...SORTS,
          ...SORTS.map((sort) => `-${sort}`),
        ]),
      )
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 100)
      .option(
        '--after <cursor>',
        `next_cursor of the previous page; without filters also a user (${ONE_IS})`,
      ),
    async (options: ListOptions) => (await import('./user-manage.ts')).listUsers(options),
  );
  addLooks(command);
  addChanges(command);
  addManaging(command);
  reporting(
    command('suspend', 'suspend an account and end all its sessions').option(...REASON),
    changing((accounts, { id }, why) => accounts.suspend(shell(), id, why), 'Suspended'),
  );
  reporting(
    command('reactivate', 'reactivate a suspended account and cancel its scheduled deletion').option(
      ...REASON,
    ),
    changing((accounts, { id }, why) => accounts.reactivate(shell(), id, why), 'Reactivated'),
  );
  reporting(
    command('delete', 'delete an account and all its data')
      .option('--after-days <n>', 'suspend now and delete after this many days', integer(1, 365))
      .option(...REASON)
      .option('--yes', 'skip the confirmation'),
    remove,
  );
  user
    .command('export')
    .description('export all accounts, oldest first (recorded in the audit)')
    .addOption(new Option('--format <format>', 'output format').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--out <file>', 'write to a file readable only by its owner, instead of standard output')
    .action(async (options: { format: 'ndjson' | 'csv'; out?: string }) =>
      (await import('./user-manage.ts')).exportUsers(options),
    );
}

const REASON = ['--reason <text>', 'why, for the audit'] as const;

function addManaging(command: MakeCommand): void {
  const load = () => import('./user-manage.ts');
  reporting(
    command('invite', 'mail an account without a password a link to choose one'),
    async (name: string) => (await load()).inviteUser(name),
  );
  reporting(
    withProfile(
      command('update', 'update the profile of an account; an empty value removes the field').option(
        '--username <name>',
        'username, an alternative to the email address at sign-in',
      ),
    ),
    async (name: string, options: ProfileOptions) => (await load()).updateUser(name, options),
  );
  reporting(command('data', 'export all data of an account, for its owner'), async (name: string) =>
    (await load()).userData(name),
  );
  reporting(
    command('factors', 'list or remove second factors of an account').option(
      '--remove <factor>',
      'id of the factor to remove, or recovery_codes',
    ),
    async (name: string, options: { remove?: string }) => (await load()).userFactors(name, options),
  );
}

type MakeCommand = (name: string, description: string) => Command;

function addLooks(command: MakeCommand): void {
  const load = () => import('./user-acts.ts');
  reporting(command('show', 'show everything about an account'), async (name: string) =>
    (await load()).showUser(name),
  );
  reporting(
    command('sessions', 'list the sessions of an account').option('--end', 'end all sessions and grants'),
    async (name: string, options: { end?: boolean }) => (await load()).userSessions(name, options),
  );
  reporting(
    command('audit', 'list the audit events of an account, newest first')
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 50)
      .option('--after <event>', 'id of the last event of the previous page', uuid),
    async (name: string, options: { limit: number; after?: string }) =>
      (await load()).userAudit(name, options),
  );
}

function addChanges(command: MakeCommand): void {
  const load = () => import('./user-acts.ts');
  reporting(
    command('set-role', 'set the role of an account and end its sessions').argument(
      '<role>',
      'user or admin',
    ),
    async (name: string, role: string) => (await load()).setRole(name, role),
  );
  reporting(
    command('set-email', 'change the email address and send a verification mail to it')
      .argument('<address>')
      .option('--email-verified', 'mark the address as verified'),
    async (name: string, email: string, options: { emailVerified?: boolean }) =>
      (await load()).setEmail(name, email, options),
  );
  reporting(
    command('reset-password', 'send a reset link, require a new password, or set one')
      .option('--mail', 'mail a link to reset the password')
      .option('--force', 'require a new password at the next sign-in')
      .option('--password-stdin', 'read the new password from standard input'),
    async (name: string, options: { mail?: boolean; force?: boolean; passwordStdin?: boolean }) =>
      (await load()).resetPassword(name, options),
  );
  reporting(command('reset-factors', 'remove all second factors of an account'), async (name: string) =>
    (await load()).resetFactors(name),
  );
  reporting(command('unlock', 'lift the lockout after wrong passwords'), async (name: string) =>
    (await load()).unlock(name),
  );
}
