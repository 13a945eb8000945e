import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Condition } from '../../storage/directory-conditions.ts';
import type { Membership } from '../../storage/directory.ts';
import type { GroupRecord, Groups as GroupStore } from '../../storage/groups.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Groups } from '../operators/groups.ts';
import type { KeepStanding } from '../operators/escalation.ts';
import { checkVersion, type Expected, type Operator, requirePermission } from '../operators/operator.ts';
import type { Rights } from '../operators/rights.ts';
import { ScimError } from './errors.ts';
import { type ListQuery, readRequest } from './lists.ts';
import { SCIM_SOURCE, withoutManagement } from './tokens.ts';
import { applyOperation, type Operation } from './patch.ts';
import { compact } from './person.ts';
import { GROUP_TYPE } from './schema.ts';
import type { ListedResources, Shown } from './users.ts';
import { isObject, readResource, readValue, type Resource } from './values.ts';

/** Groups managed by a directory. Everything also throws DomainError insufficient_scope. */
export interface DirectoryGroups {
  /** @throws ScimError invalidFilter, invalidPath, invalidValue. */
  list(operator: Operator, query: ListQuery, withMembers: boolean): Promise<ListedResources>;
  /** @throws DomainError group_not_found. */
  find(operator: Operator, id: string, withMembers: boolean): Promise<Shown>;
  /** @throws ScimError; DomainError group_taken, external_id_taken, invalid_request. */
  create(operator: Operator, body: unknown): Promise<Shown>;
  /**
   * Replaces the group (PUT).
   * @throws as `create`; DomainError group_not_found, precondition_failed, permission_not_held when members of a group with
   *   management permissions would change.
   */
  replace(operator: Operator, id: string, body: unknown, expected?: Expected): Promise<Shown>;
  /** Modifies the group (PATCH). Concurrent changes to one group are serialized. */
  patch(operator: Operator, id: string, operations: Operation[], expected?: Expected): Promise<Shown>;
  /** @throws as `replace`. */
  remove(operator: Operator, id: string, expected?: Expected): Promise<void>;
}

/** Changes of members. */
interface Moves {
  /** Whether to remove all others. */
  replaces: boolean;
  added: Set<string>;
  removed: Set<string>;
}

const noMoves = (): Moves => ({ replaces: false, added: new Set(), removed: new Set() });

/** The accounts that members name. @throws ScimError invalidValue. */
function idsOf(members: unknown): string[] {
  return (Array.isArray(members) ? members : []).map((member: unknown) => {
    const { value, type } = isObject(member) ? member : { value: member, type: undefined };
    if (typeof type === 'string' && type.toLowerCase() === 'group')
      throw new ScimError('invalidValue', 'Groups cannot be members of groups');
    if (!isUuid(value)) throw new ScimError('invalidValue', 'A member must be the id of an account');
    return value.toLowerCase();
  });
}

/** The ids in the brackets of `members[…]`. @throws ScimError invalidFilter for anything else. */
function idsNamed(condition: Condition): string[] {
  if (condition.is === 'or') return condition.terms.flatMap(idsNamed);
  const isValue =
    condition.is === 'compare' && condition.comparator === 'eq' && condition.target.path[0] === 'value';
  if (!isValue) throw new ScimError('invalidFilter', 'Members can only be selected by value eq "…"');
  return [String(condition.value).toLowerCase()];
}

/** @throws ScimError. */
function move(moves: Moves, { op, path, value }: Operation): Moves {
  const { attribute, values } = path;
  const put = (ids: string[]): Moves => ({
    ...moves,
    added: moves.added.union(new Set(ids)),
    removed: moves.removed.difference(new Set(ids)),
  });
  const take = (ids: string[]): Moves => ({
    ...moves,
    added: moves.added.difference(new Set(ids)),
    removed: moves.removed.union(new Set(ids)),
  });
  if (path.sub) throw new ScimError('mutability', 'Members can be added and removed, but not changed');
  const read = attribute && readValue(attribute, value);
  if (op === 'remove') {
    if (values) return take(idsNamed(values));
    return read === undefined ? { ...noMoves(), replaces: true } : take(idsOf(read));
  }
  if (values) return put(idsNamed(values));
  const ids = idsOf(read);
  return op === 'add' ? put(ids) : { replaces: true, added: new Set(ids), removed: new Set() };
}

const isOfMembers = ({ path }: Operation): boolean => path.attribute?.name === 'members';

/** The group's name and its externalId. */
interface Named {
  displayName: string;
  externalId: string | null;
}

function namesIn({ displayName, externalId }: Resource): Named {
  if (typeof displayName !== 'string') throw new ScimError('invalidValue', 'A group needs a displayName');
  return { displayName, externalId: typeof externalId === 'string' ? externalId : null };
}

export function createDirectoryGroups(
  dependencies: Pick<Stores, 'directory' | 'audit' | 'asOne'> & {
    groupStore: GroupStore;
    groups: Pick<Groups, 'create' | 'update' | 'remove'>;
    rights: Rights;
    keepStanding: KeepStanding;
  },
): DirectoryGroups {
  const { directory, groupStore, groups, rights, keepStanding, audit, asOne } = dependencies;

  const show = (group: GroupRecord, members: Membership[]): Shown => ({
    ...group,
    resource: compact({
      displayName: group.name,
      externalId: group.externalId,
      members: members.map(({ accountId, display }) => ({ value: accountId, type: 'User', display })),
    }),
  });

  const showAll = async (records: GroupRecord[], withMembers: boolean): Promise<Shown[]> => {
    const members = withMembers ? await directory.membersOf(records.map(({ id }) => id)) : [];
    const byGroup = Map.groupBy(members, ({ groupId }) => groupId);
    return records.map((group) => show(group, byGroup.get(group.id) ?? []));
  };

  const existing = (group: GroupRecord | null): GroupRecord => {
    if (!group) throw new DomainError('group_not_found');
    return group;
  };

  const findOne = async (id: string, withMembers: boolean): Promise<Shown> =>
    (await showAll([existing(isUuid(id) ? await groupStore.find(id) : null)], withMembers))[0]!;

  const note = async (
    type: 'group.member_added' | 'group.member_removed',
    group: GroupRecord,
    ids: string[],
    { actor }: Operator,
    tx: Tx,
  ) => {
    const details = { group: group.id, name: group.name };
    for (const subject of ids) await audit.record({ type, subject, details }, actor, tx);
  };

  /** Adds and removes members of a group locked in `tx`. */
  const moveMembers = async (
    operator: Operator,
    group: GroupRecord,
    { replaces, added, removed }: Moves,
    tx: Tx,
  ) => {
    if (!replaces && added.size + removed.size === 0) return;
    const wanted = [...added];
    const known = new Set(await directory.existing(wanted, tx));
    const absent = wanted.find((id) => !known.has(id));
    if (absent !== undefined) throw new ScimError('invalidValue', `There is no user ${absent}`);
    const present = replaces ? (await directory.membersOf([group.id])).map(({ accountId }) => accountId) : [];
    const leaving = replaces ? present.filter((id) => !added.has(id)) : [...removed];
    const [gone, come] = [
      await groupStore.remove(group.id, leaving, tx),
      await groupStore.add(group.id, wanted, tx),
    ];
    // Check after the change, so that repeating the current state is never refused.
    if (gone.length + come.length > 0) await withoutManagement(rights, group.roles);
    await note('group.member_removed', group, gone, operator, tx);
    await note('group.member_added', group, come, operator, tx);
  };

  /** Writes changed names of a group locked in `tx`. */
  const rename = async (
    operator: Operator,
    group: GroupRecord,
    { displayName, externalId }: Named,
    tx: Tx,
  ) => {
    if (displayName !== group.name) await groups.update(operator, group.id, { name: displayName });
    if (externalId === group.externalId) return;
    const driven = externalId === null ? {} : { source: SCIM_SOURCE };
    await groupStore.update(group.id, { externalId, ...driven }, tx);
    const details = { group: group.id, before: { externalId: group.externalId }, after: { externalId } };
    await audit.record({ type: 'group.updated', details }, operator.actor, tx);
  };

  const change = async (
    operator: Operator,
    id: string,
    expected: Expected | undefined,
    next: (before: Resource) => Resource,
    moves: Moves,
  ): Promise<void> => {
    requirePermission(operator, 'groups:write');
    await asOne((tx) =>
      // Lock owners before the group, as every change of groups does.
      keepStanding(operator, tx, async () => {
        const group = existing(isUuid(id) ? await groupStore.lock(id, tx) : null);
        checkVersion(group, expected);
        await rename(operator, group, namesIn(next(show(group, []).resource)), tx);
        await moveMembers(operator, group, moves, tx);
      }),
    );
  };

  return {
    async list(operator, query, withMembers) {
      requirePermission(operator, 'groups:read');
      const { total, items } = await directory.groups(readRequest(GROUP_TYPE, query));
      return { total, items: await showAll(items, withMembers) };
    },
    async find(operator, id, withMembers) {
      requirePermission(operator, 'groups:read');
      return findOne(id, withMembers);
    },
    async create(operator, body) {
      const { members, ...resource } = readResource(GROUP_TYPE, body);
      const { displayName, externalId } = namesIn(resource);
      const added = new Set(idsOf(members));
      const id = await asOne(async (tx) => {
        const group = await groups.create(operator, { name: displayName });
        await groupStore.update(group.id, { source: SCIM_SOURCE, externalId }, tx);
        await moveMembers(operator, group, { ...noMoves(), added }, tx);
        return group.id;
      });
      return findOne(id, true);
    },
    async replace(operator, id, body, expected) {
      const { members, ...resource } = readResource(GROUP_TYPE, body);
      const moves = { ...noMoves(), replaces: true, added: new Set(idsOf(members)) };
      await change(operator, id, expected, () => resource, moves);
      return findOne(id, true);
    },
    async patch(operator, id, operations, expected) {
      const moves = operations.filter(isOfMembers).reduce(move, noMoves());
      const others = operations.filter((operation) => !isOfMembers(operation));
      const next = (before: Resource) =>
        others.reduce((resource, operation) => applyOperation(GROUP_TYPE, resource, operation), before);
      await change(operator, id, expected, next, moves);
      return findOne(id, false);
    },
    async remove(operator, id, expected) {
      requirePermission(operator, 'groups:write');
      const group = existing(isUuid(id) ? await groupStore.find(id) : null);
      await withoutManagement(rights, group.roles);
      await groups.remove(operator, group.id, expected);
    },
  };
}
