import { DomainError } from '../../core/errors.ts';
import { isUuid, newUuid } from '../../core/ids.ts';
import type {
  GroupFilters,
  GroupRecord,
  Groups as GroupStore,
  GroupSort,
  Member,
} from '../../storage/groups.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import { foldCase, NAME_FORM } from '../identifiers.ts';
import { type KeepStanding, mayGive } from './escalation.ts';
import {
  changesOf,
  checkDescription,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import type { Rights } from './rights.ts';
import type { Roles } from './roles.ts';
import type { SessionRevoker } from '../session-revoker.ts';

export type Group = GroupRecord;

export interface GroupChanges {
  name?: string | undefined;
  description?: string | undefined;
  roles?: string[] | undefined;
}

export interface Groups {
  /** @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<GroupSort, GroupFilters>): Promise<Listed<Group>>;
  /** @throws DomainError insufficient_scope, group_not_found. */
  find(operator: Operator, id: string): Promise<Group>;
  /** @throws DomainError insufficient_scope, permission_not_held, group_taken, invalid_request. */
  create(operator: Operator, group: GroupChanges & { name: string }): Promise<Group>;
  /**
   * Updates the given fields; role changes apply to members at once.
   * @throws DomainError as `create`; group_not_found, precondition_failed, last_owner.
   */
  update(operator: Operator, id: string, changes: GroupChanges, expected?: Expected): Promise<Group>;
  /** @throws DomainError insufficient_scope, permission_not_held, group_not_found, precondition_failed, last_owner. */
  remove(operator: Operator, id: string, expected?: Expected): Promise<void>;
  /** By account id. @throws DomainError insufficient_scope, group_not_found, invalid_cursor. */
  members(operator: Operator, id: string, options: ListOptions<'id', object>): Promise<Listed<Member>>;
  /** @throws DomainError as `find`; user_not_found. */
  isMember(operator: Operator, id: string, accountId: string): Promise<boolean>;
  /**
   * Adds an account, unless it is a member. It gets the group's roles, so this requires their permissions.
   * @returns whether it was added.
   * @throws DomainError insufficient_scope, permission_not_held, group_not_found, user_not_found.
   */
  add(operator: Operator, id: string, accountId: string): Promise<boolean>;
  /** @returns whether it was a member. @throws DomainError as `add`; last_owner, forbidden for an operator who would demote themselves. */
  removeMember(operator: Operator, id: string, accountId: string): Promise<boolean>;
  /** The groups of an account. @throws DomainError insufficient_scope, user_not_found, invalid_cursor. */
  listOf(
    operator: Operator,
    accountId: string,
    options: ListOptions<GroupSort, object>,
  ): Promise<Listed<Group>>;
  /** Replaces the groups of an account. @throws DomainError as `add` and `removeMember`. */
  setOf(operator: Operator, accountId: string, ids: readonly string[]): Promise<void>;
}

const MAX_NAME_LENGTH = 200;

/** @throws DomainError invalid_request. */
function parseName(name: string): { name: string; nameKey: string } {
  const trimmed = name.trim();
  if (trimmed.length > MAX_NAME_LENGTH || !new RegExp(NAME_FORM.pattern ?? '', 'u').test(trimmed))
    refuse('name');
  return { name: trimmed, nameKey: foldCase(trimmed) };
}

export function createGroups({
  store,
  users,
  keepStanding,
  roles,
  rights,
  readList,
  audit,
  inTransaction,
  sessions,
}: Pick<Stores, 'users' | 'audit' | 'inTransaction'> & {
  store: GroupStore;
  keepStanding: KeepStanding;
  roles: Pick<Roles, 'checkNames'>;
  rights: Rights;
  readList: ReadList;
  sessions: Pick<SessionRevoker, 'rolesChanged'>;
}): Groups {
  const existing = (group: GroupRecord | null): GroupRecord => {
    if (!group) throw new DomainError('group_not_found');
    return group;
  };
  const lock = async (id: string, tx: Tx) => existing(isUuid(id) ? await store.lock(id, tx) : null);

  const parse = async ({ name, description, roles: names }: GroupChanges, tx: Tx) => {
    checkDescription(description);
    if (names) await roles.checkNames(names, tx);
    return {
      ...(name === undefined ? {} : parseName(name)),
      ...(description === undefined ? {} : { description }),
      ...(names === undefined ? {} : { roles: [...new Set(names)].sort() }),
    };
  };

  /** Changing members changes roles, so it requires their permissions. */
  const mayAssign = async (operator: Operator, names: readonly string[], tx: Tx) =>
    mayGive(operator, await rights.weightOf(names, tx));

  /**
   * Ends the tokens of contracts whose roles no longer match: those of the accounts `members`, or of all members of a group by
   * its id.
   */
  const rolesMoved = async (members: readonly string[] | string, names: readonly string[], tx: Tx) => {
    if (names.length === 0) return;
    const accountIds = typeof members === 'string' ? await store.memberIds(members, tx) : members;
    if (accountIds.length > 0) await sessions.rolesChanged(accountIds, new Set(names), tx);
  };

  const add = async (operator: Operator, group: GroupRecord, accountId: string, tx: Tx) => {
    await mayAssign(operator, group.roles, tx);
    const added = await store.add(group.id, [accountId], tx);
    if (added.length === 0) return false;
    await rolesMoved([accountId], group.roles, tx);
    const details = { group: group.id, name: group.name };
    await audit.record({ type: 'group.member_added', subject: accountId, details }, operator.actor, tx);
    return true;
  };

  const removeMember = async (operator: Operator, group: GroupRecord, accountId: string, tx: Tx) => {
    await mayAssign(operator, group.roles, tx);
    const removed = await store.remove(group.id, [accountId], tx);
    if (removed.length === 0) return false;
    await rolesMoved([accountId], group.roles, tx);
    const details = { group: group.id, name: group.name };
    await audit.record({ type: 'group.member_removed', subject: accountId, details }, operator.actor, tx);
    return true;
  };

  const findAccount = async (id: string): Promise<string> => {
    const account = await users.findById(id);
    if (!account) throw new DomainError('user_not_found');
    return account.id;
  };

  return {
    async list(operator, options) {
      requirePermission(operator, 'groups:read');
      const { search, ...others } = options.filters ?? {};
      // Compare as names are compared.
      const filters = { ...others, ...(search === undefined ? {} : { search: foldCase(search) }) };
      return readList('groups', { ...options, filters }, 'name', (request) => store.list(request));
    },
    async find(operator, id) {
      requirePermission(operator, 'groups:read');
      return existing(isUuid(id) ? await store.find(id) : null);
    },
    async create(operator, group) {
      requirePermission(operator, 'groups:write');
      return inTransaction(async (tx) => {
        const content = {
          description: '',
          roles: [],
          ...(await parse(group, tx)),
          ...parseName(group.name),
          source: null,
          externalId: null,
        };
        await mayAssign(operator, content.roles, tx);
        const created = await store.create({ id: newUuid(), ...content }, tx);
        const { name, description, roles: names } = created;
        const details = { group: created.id, after: { name, description, roles: names } };
        await audit.record({ type: 'group.created', details }, operator.actor, tx);
        return created;
      });
    },
    async update(operator, id, changes, expected) {
      requirePermission(operator, 'groups:write');
      return inTransaction((tx) =>
        keepStanding(operator, tx, async () => {
          const before = await lock(id, tx);
          checkVersion(before, expected);
          const { nameKey, ...parsed } = await parse(changes, tx);
          const changed = changesOf(before, parsed);
          if (!changed) return before;
          await mayAssign(operator, changed.after.roles ? [...before.roles, ...changed.after.roles] : [], tx);
          const after = await store.update(id, nameKey === undefined ? parsed : { ...parsed, nameKey }, tx);
          const moved = new Set(before.roles).symmetricDifference(new Set(after.roles));
          await rolesMoved(id, [...moved], tx);
          const details = { group: id, ...changed };
          await audit.record({ type: 'group.updated', details }, operator.actor, tx);
          return after;
        }),
      );
    },
    async remove(operator, id, expected) {
      requirePermission(operator, 'groups:write');
      await inTransaction((tx) =>
        keepStanding(operator, tx, async () => {
          const group = await lock(id, tx);
          checkVersion(group, expected);
          await mayAssign(operator, group.roles, tx);
          await rolesMoved(id, group.roles, tx);
          await store.delete(id, tx);
          const details = { group: id, before: { name: group.name, roles: group.roles } };
          await audit.record({ type: 'group.deleted', details }, operator.actor, tx);
        }),
      );
    },
    async members(operator, id, options) {
      requirePermission(operator, 'groups:read');
      const group = existing(isUuid(id) ? await store.find(id) : null);
      return readList(`group ${group.id}`, options, 'id', (request) => store.members(group.id, request));
    },
    async isMember(operator, id, account) {
      requirePermission(operator, 'groups:read');
      const group = existing(isUuid(id) ? await store.find(id) : null);
      const accountId = await findAccount(account);
      return inTransaction(async (tx) => (await store.idsOf(accountId, tx)).includes(group.id));
    },
    async add(operator, id, account) {
      requirePermission(operator, 'groups:write');
      const accountId = await findAccount(account);
      return inTransaction(async (tx) => add(operator, await lock(id, tx), accountId, tx));
    },
    async removeMember(operator, id, account) {
      requirePermission(operator, 'groups:write');
      const accountId = await findAccount(account);
      return inTransaction((tx) =>
        keepStanding(operator, tx, async () => removeMember(operator, await lock(id, tx), accountId, tx)),
      );
    },
    async listOf(operator, account, options) {
      requirePermission(operator, 'groups:read');
      const filters = { member: await findAccount(account) };
      return readList('groups', { ...options, filters }, 'name', (request) => store.list(request));
    },
    async setOf(operator, account, ids) {
      requirePermission(operator, 'groups:write');
      const accountId = await findAccount(account);
      await inTransaction((tx) =>
        keepStanding(operator, tx, async () => {
          const before = await store.idsOf(accountId, tx);
          const wanted = new Set(ids);
          for (const id of [...wanted.symmetricDifference(new Set(before))].sort()) {
            const group = await lock(id, tx);
            if (wanted.has(id)) await add(operator, group, accountId, tx);
            else await removeMember(operator, group, accountId, tx);
          }
        }),
      );
    },
  };
}
