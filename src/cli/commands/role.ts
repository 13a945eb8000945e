import { type Command, InvalidArgumentError } from 'commander';
import type { Operator } from '../../domain/operators/operator.ts';
import type { Role } from '../../domain/operators/roles.ts';
import type { User } from '../../domain/users/index.ts';
import { UsageError } from '../failure.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { repeated } from '../options.ts';
import { facts, type Report, reporting, shown, table } from '../report.ts';
import type { Operator as Tools } from '../session.ts';
import { meant, told } from '../user-report.ts';

const withRoles = async <T>(work: (tools: Tools, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore((tools) => work(tools, shellOperator(operator())));
};

const toJson = ({ builtIn, scopes, ...role }: Role) => ({
  name: role.name,
  description: role.description,
  permissions: role.permissions,
  scopes: Object.entries(scopes).map(([api, names]) => ({ api, scopes: names })),
  built_in: builtIn,
  version: role.version,
});

interface Options {
  name?: string;
  description?: string;
  permission?: string[];
  /** Scopes by API. */
  scope?: Record<string, string[]>;
  /** False with --no-permissions, --no-scopes. */
  permissions?: boolean;
  scopes?: boolean;
}

/** Parses `<api>=<scope>[,<scope>]` and adds it to the earlier ones. */
function scopeOf(text: string, previous: Record<string, string[]> = {}): Record<string, string[]> {
  const at = text.lastIndexOf('=');
  const api = text.slice(0, at);
  const names = text
    .slice(at + 1)
    .split(',')
    .filter(Boolean);
  if (at < 1 || names.length === 0)
    throw new InvalidArgumentError('must be like https://orders.example.com=orders:read.');
  return { ...previous, [api]: [...(previous[api] ?? []), ...names] };
}

const changesOf = ({ description, permission, scope, permissions, scopes }: Options) => ({
  description,
  permissions: permissions === false ? [] : permission,
  scopes: scopes === false ? {} : scope,
});

async function create(positional: string | undefined, options: Options): Promise<Report> {
  const name = positional ?? options.name;
  if (name === undefined) throw new UsageError('The name of the role is missing.');
  const role = await withRoles(({ roles }, by) => roles.create(by, { name, ...changesOf(options) }));
  return { json: toJson(role), text: `Created the role ${role.name}.` };
}

async function list(): Promise<Report> {
  const all = await withRoles(({ roles }, by) => roles.list(by));
  const rows = all.map((role) => [
    role.name,
    role.builtIn ? 'built in' : 'own',
    String(role.permissions.length),
    role.description,
  ]);
  return { json: { roles: all.map(toJson) }, text: table(['name', 'kind', 'permissions', 'for'], rows) };
}

async function show(name: string): Promise<Report> {
  const json = toJson(await withRoles(({ roles }, by) => roles.find(by, name)));
  return { json, text: facts(Object.entries(json).map(([key, value]) => [key, shown(value)])) };
}

async function update(name: string, options: Options): Promise<Report> {
  const role = await withRoles(({ roles }, by) => roles.update(by, name, changesOf(options)));
  return { json: toJson(role), text: `Updated the role ${name}.` };
}

async function remove(name: string): Promise<Report> {
  await withRoles(({ roles }, by) => roles.remove(by, name));
  return { json: { name }, text: `Deleted the role ${name}.` };
}

/** Changes the roles assigned directly to an account. */
const setRoles = async (
  account: string,
  rolesOf: (user: User) => string[],
  what: string,
): Promise<Report> => {
  const user = await withRoles(async ({ accounts, assignments }, by) => {
    const before = await meant(accounts, account);
    // Another operator may change the roles concurrently.
    return assignments.setRoles(by, before.id, rolesOf(before), [before.version]);
  });
  return told(user, what);
};

const assign = (role: string, account: string) =>
  setRoles(account, ({ roles }) => [...new Set([...roles, role])], `Assigned ${role} to`);

const unassign = (role: string, account: string) =>
  setRoles(account, ({ roles }) => roles.filter((name) => name !== role), `Removed ${role} from`);

const withContent = (command: Command): Command =>
  command
    .option('--description <text>', 'description')
    .option('--permission <permission>', 'permission at the management API (can be repeated)', repeated)
    .option('--scope <api=scope>', 'scope of an API that enforces roles (can be repeated)', scopeOf);

const ACCOUNT = 'id, number, address or username';

export function addRole(program: Command): void {
  const role = program.command('role').description('manage and assign roles');
  reporting(
    withContent(
      role
        .command('create')
        .description('create a role')
        .argument('[name]', 'lower-case letters, digits and _ . : -')
        .option('--name <name>', 'alternative to the argument'),
    ),
    create,
  );
  reporting(
    withContent(
      role.command('update').description('update a role; the change applies at once').argument('<name>'),
    )
      .option('--no-permissions', 'remove all permissions')
      .option('--no-scopes', 'remove all scopes'),
    update,
  );
  reporting(role.command('list').description('list roles, built-in ones first'), list);
  reporting(role.command('show').description('show a role').argument('<name>'), show);
  reporting(role.command('delete').description('delete a role that nobody has').argument('<name>'), remove);
  reporting(
    role
      .command('assign')
      .description('assign a role to an account and end its sessions and tokens')
      .argument('<name>')
      .argument('<account>', ACCOUNT),
    assign,
  );
  reporting(
    role
      .command('unassign')
      .description('remove a role from an account and end its sessions and tokens')
      .argument('<name>')
      .argument('<account>', ACCOUNT),
    unassign,
  );
}
