import type { Command } from 'commander';
import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Group, GroupChanges } from '../../domain/operators/groups.ts';
import { foldCase } from '../../domain/identifiers.ts';
import { type Operator, shellOperator } from '../../domain/operators/operator.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, repeated } from '../options.ts';
import { facts, type Report, reporting, shown, table } from '../report.ts';
import type { Operator as Tools } from '../session.ts';
import { meant, nameOf } from '../user-report.ts';

const withGroups = async <T>(work: (tools: Tools, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore((tools) => work(tools, shellOperator(operator())));
};

const toJson = (group: Group) => ({
  id: group.id,
  name: group.name,
  description: group.description,
  roles: group.roles,
  source: group.source,
  external_id: group.externalId,
  version: group.version,
  created_at: group.createdAt.toISOString(),
  updated_at: group.updatedAt.toISOString(),
});

const MAX_PAGE_SIZE = 100;

/** Finds a group by id or name. @throws DomainError group_not_found. */
async function named({ groups }: Tools, by: Operator, name: string): Promise<Group> {
  const isId: boolean = isUuid(name);
  if (isId) return groups.find(by, name);
  const wanted = foldCase(name);
  let cursor: string | undefined;
  do {
    const page = await groups.list(by, { filters: { search: name }, limit: MAX_PAGE_SIZE, cursor });
    const found = page.items.find((group) => foldCase(group.name) === wanted);
    if (found) return found;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  throw new DomainError('group_not_found');
}

interface Options {
  name?: string;
  description?: string;
  role?: string[];
  /** False with --no-roles. */
  roles?: boolean;
}

const changesOf = ({ name, description, role, roles }: Options): GroupChanges => ({
  name,
  description,
  roles: roles === false ? [] : role,
});

async function create(positional: string | undefined, options: Options): Promise<Report> {
  const name = positional ?? options.name;
  if (name === undefined) throw new UsageError('The name of the group is missing.');
  const group = await withGroups(({ groups }, by) => groups.create(by, { ...changesOf(options), name }));
  return { json: toJson(group), text: `Created the group ${group.name} (${group.id}).` };
}

interface PageOptions {
  limit: number;
  after?: string;
}

async function list({ limit, after, search }: PageOptions & { search?: string }): Promise<Report> {
  const page = await withGroups(({ groups }, by) =>
    groups.list(by, { filters: { search }, limit, cursor: after }),
  );
  const rows = page.items.map(({ id, name, roles, source }) => [id, name, roles.join(' '), source ?? '-']);
  return {
    json: { groups: page.items.map(toJson), next_cursor: page.nextCursor },
    text: table(['id', 'name', 'roles', 'managed by'], rows),
  };
}

async function show(name: string): Promise<Report> {
  const json = toJson(await withGroups((tools, by) => named(tools, by, name)));
  return { json, text: facts(Object.entries(json).map(([key, value]) => [key, shown(value)])) };
}

async function update(name: string, options: Options): Promise<Report> {
  const group = await withGroups(async (tools, by) => {
    const { id } = await named(tools, by, name);
    return tools.groups.update(by, id, changesOf(options));
  });
  return { json: toJson(group), text: `Updated the group ${group.name}.` };
}

async function remove(name: string): Promise<Report> {
  const { id } = await withGroups(async (tools, by) => {
    const group = await named(tools, by, name);
    await tools.groups.remove(by, group.id);
    return group;
  });
  return { json: { id }, text: `Deleted the group ${name}.` };
}

async function members(name: string, { limit, after }: PageOptions): Promise<Report> {
  const { group, page } = await withGroups(async (tools, by) => {
    const found = await named(tools, by, name);
    return { group: found, page: await tools.groups.members(by, found.id, { limit, cursor: after }) };
  });
  return {
    json: { group: group.id, members: page.items, next_cursor: page.nextCursor },
    text: table(
      ['id', 'address', 'name'],
      page.items.map((member) => [member.id, member.email, member.name ?? '-']),
    ),
  };
}

const setMember = (isMember: boolean) => (name: string, account: string) =>
  withGroups(async (tools, by): Promise<Report> => {
    const group = await named(tools, by, name);
    const user = await meant(tools.accounts, account);
    if (isMember) await tools.groups.add(by, group.id, user.id);
    else await tools.groups.removeMember(by, group.id, user.id);
    const what = isMember ? 'is in' : 'is not in';
    return {
      json: { group: group.id, id: user.id, member: isMember },
      text: `${nameOf(user)} ${what} ${group.name}.`,
    };
  });

const GROUP = 'group id or name';
const ACCOUNT = 'id, number, address or username';

const withContent = (command: Command): Command =>
  command
    .option('--description <text>', 'description')
    .option('--role <role>', 'role of all members (can be repeated)', repeated);

const paged = (command: Command): Command =>
  command
    .option('--limit <n>', 'maximum number of results', integer(1, MAX_PAGE_SIZE), MAX_PAGE_SIZE)
    .option('--after <cursor>', 'next_cursor of the previous page');

export function addGroup(program: Command): void {
  const group = program.command('group').description('manage groups, which give roles to their members');
  reporting(
    withContent(
      group
        .command('create')
        .description('create a group')
        .argument('[name]', 'name')
        .option('--name <name>', 'alternative to the argument'),
    ),
    create,
  );
  reporting(
    withContent(
      group
        .command('update')
        .description('update a group; changed roles apply at once')
        .argument('<group>', GROUP),
    )
      .option('--name <name>', 'new name')
      .option('--no-roles', 'remove all roles'),
    update,
  );
  reporting(
    paged(group.command('list').description('list groups by name')).option(
      '--search <text>',
      'part of the name',
    ),
    list,
  );
  reporting(group.command('show').description('show a group').argument('<group>', GROUP), show);
  reporting(
    group
      .command('delete')
      .description('delete a group; its members lose its roles')
      .argument('<group>', GROUP),
    remove,
  );
  reporting(
    paged(group.command('members').description('list the members of a group').argument('<group>', GROUP)),
    members,
  );
  reporting(
    group
      .command('add')
      .description('add an account to a group')
      .argument('<group>', GROUP)
      .argument('<account>', ACCOUNT),
    setMember(true),
  );
  reporting(
    group
      .command('remove')
      .description('remove an account from a group')
      .argument('<group>', GROUP)
      .argument('<account>', ACCOUNT),
    setMember(false),
  );
}
