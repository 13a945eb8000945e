import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../core/clock.ts';
import type { EntryRecord, Membership } from '../../storage/directory.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { RoleStore } from '../../storage/roles.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Attributes } from '../attributes/index.ts';
import { emailKeyOf } from '../lookup.ts';
import type { ManagedAccounts } from '../operators/accounts.ts';
import { mayTouch, type OnAccount } from '../operators/escalation.ts';
import { type Expected, type Operator, requirePermission } from '../operators/operator.ts';
import { BUILT_IN_ROLES } from '../operators/permissions.ts';
import { type Rights, rolesOf } from '../operators/rights.ts';
import type { Accounts } from '../users/index.ts';
import { present } from '../users/user.ts';
import { type ListQuery, readRequest } from './lists.ts';
import { SCIM_SOURCE, withoutManagement } from './tokens.ts';
import { applyOperation, type Operation } from './patch.ts';
import { readPerson, refuseTaken, resourceOf, rolesIn, type PersonInput, withDisplayName } from './person.ts';
import { type ResourceType, userTypeWith } from './schema.ts';
import { readResource, type Resource } from './values.ts';

/** A resource with its `meta`. */
export interface Shown {
  id: string;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  resource: Resource;
}

export interface ListedResources {
  total: number;
  items: Shown[];
}

/** Accounts managed by a directory. Everything also throws DomainError insufficient_scope. */
export interface DirectoryUsers {
  /** The schemas of users, including the current custom attributes. */
  type(): ResourceType;
  /** @param withGroups whether to include each account's groups. @throws ScimError invalidFilter, invalidPath, invalidValue. */
  list(operator: Operator, query: ListQuery, withGroups: boolean): Promise<ListedResources>;
  /** @throws DomainError user_not_found. */
  find(operator: Operator, id: string): Promise<Shown>;
  /**
   * Creates an account without proof of its address: the reader of the mailbox proves it at the first sign-in.
   * @throws ScimError; DomainError username_taken, email_taken, external_id_taken, weak_password, invalid_request,
   *   invalid_email, permission_not_held.
   */
  create(operator: Operator, body: unknown): Promise<Shown>;
  /**
   * Replaces the account (PUT). Making one inactive suspends it, even an operator while an owner remains; except for names, a
   * directory may change nothing else of an operator.
   * @throws as `create`; DomainError user_not_found, precondition_failed, stronger_operator, last_owner, last_admin.
   */
  replace(operator: Operator, id: string, body: unknown, expected?: Expected): Promise<Shown>;
  /** Modifies the account (PATCH). */
  patch(operator: Operator, id: string, operations: Operation[], expected?: Expected): Promise<Shown>;
  /** Deletes the account at once. @throws as `replace`. */
  remove(operator: Operator, id: string, expected?: Expected): Promise<void>;
}

export interface DirectoryDependencies extends Pick<Stores, 'directory' | 'users' | 'audit' | 'asOne'> {
  roleStore: Pick<RoleStore, 'find'>;
  accounts: Pick<Accounts, 'create' | 'update' | 'suspend'>;
  managedAccounts: Pick<ManagedAccounts, 'reactivate' | 'remove'>;
  onAccount: OnAccount;
  rights: Rights;
  attributes: Pick<Attributes, 'list' | 'shown'>;
  clock: Clock;
}

export function createDirectoryUsers(dependencies: DirectoryDependencies): DirectoryUsers {
  const { directory, users, roleStore, accounts, managedAccounts, onAccount, rights, audit, clock } =
    dependencies;
  const { asOne, attributes } = dependencies;

  const type = () => userTypeWith(attributes.list('operator'));
  const definedOf = (user: UserRecord): Resource => attributes.shown(user.attributes, 'operator').attributes;

  /** Which of these names are roles. */
  const knownOf = async (names: readonly string[]): Promise<Set<string>> => {
    const made = names.length === 0 ? [] : await roleStore.find([...new Set(names)]);
    return new Set([
      ...made.map(({ name }) => name),
      ...names.filter((name) => Object.hasOwn(BUILT_IN_ROLES, name)),
    ]);
  };

  const show = (user: UserRecord, resource: Resource, groups: Membership[]): Shown => ({
    ...user,
    resource:
      groups.length === 0
        ? resource
        : {
            ...resource,
            groups: groups.map(({ groupId, display }) => ({ value: groupId, display, type: 'direct' })),
          },
  });

  const showAll = async (records: UserRecord[], withGroups: boolean): Promise<Shown[]> => {
    const ids = records.map(({ id }) => id);
    const entries = new Map((await directory.entriesOf(ids)).map((entry) => [entry.accountId, entry]));
    const groups = Map.groupBy(withGroups ? await directory.groupsOf(ids) : [], ({ accountId }) => accountId);
    const known = await knownOf([...entries.values()].flatMap(({ attributes }) => rolesIn(attributes)));
    return records.map((user) =>
      show(
        user,
        resourceOf(user, entries.get(user.id) ?? null, known, definedOf(user)),
        groups.get(user.id) ?? [],
      ),
    );
  };

  const findOne = async (id: string): Promise<Shown> =>
    (await showAll([present(await users.findById(id))], true))[0]!;

  /** The resulting roles; null for no change. Unknown names are only stored. */
  const rolesAfter = async (
    before: string[],
    { roles: { named, dropped } }: PersonInput,
  ): Promise<string[] | null> => {
    const known = await knownOf([...named, ...dropped]);
    const added = named.filter((name) => known.has(name) && !before.includes(name));
    await withoutManagement(rights, added);
    const taken: string[] = [];
    // Management roles that an operator assigned stay, whatever a directory leaves out.
    for (const name of dropped)
      if (before.includes(name) && (await rights.weightOf([name])).size === 0) taken.push(name);
    if (added.length + taken.length === 0) return null;
    return [...before.filter((name) => !taken.includes(name)), ...added];
  };

  const keep = async (id: string, { externalId, entry, kept }: PersonInput, { actor }: Operator, tx: Tx) => {
    await directory.saveEntry({ accountId: id, ...entry }, tx);
    if (!kept) return;
    const driven = externalId === null ? {} : { source: SCIM_SOURCE };
    // This raises the version, whatever changed.
    await users.update(id, { externalId, ...driven }, tx);
    await audit.record({ type: 'user.updated', subject: id, details: kept }, actor, tx);
  };

  /** Writes the changes to an account locked in `tx`. */
  const write = async (operator: Operator, before: UserRecord, input: PersonInput, tx: Tx): Promise<void> => {
    const { id } = before;
    const { actor } = operator;
    const roles = await rolesAfter(before.roles, input);
    const { email, username, password } = input.changes;
    if ([email, username, password].some((value) => value !== undefined))
      mayTouch(operator, await rights.weightOf(rolesOf(before)));
    refuseTaken(await directory.namedSo(input.entry.userNameKey, emailKeyOf(input.entry.userName)), id);
    const changes = { ...input.changes, ...(roles && { roles }) };
    if (Object.keys(changes).length > 0) await accounts.update(id, changes, actor);
    const isActive = before.status === 'active';
    if (isActive && !input.isActive) await accounts.suspend(id, actor);
    // A directory may suspend an operator, but only an operator may reactivate one.
    if (!isActive && input.isActive) await managedAccounts.reactivate(operator, id);
    await keep(id, input, operator, tx);
  };

  /** @param mayEnd whether `next` may suspend it, or remove roles. */
  const change = async (
    operator: Operator,
    id: string,
    expected: Expected | undefined,
    mayEnd: boolean,
    next: (before: Resource) => Resource,
  ): Promise<Shown> => {
    requirePermission(operator, 'users:write');
    await onAccount(operator, id, { expected, touches: false, leaves: mayEnd }, async (user, tx) => {
      const [entry = null] = await directory.entriesOf([user.id], tx);
      const before = await beforeOf(user, entry);
      const after = next(before);
      if (isDeepStrictEqual(after, before)) return;
      await write(operator, user, readPerson(after, before, user, clock.now()), tx);
    });
    return findOne(id);
  };

  const beforeOf = async (user: UserRecord, entry: EntryRecord | null): Promise<Resource> =>
    resourceOf(user, entry, await knownOf(entry ? rolesIn(entry.attributes) : []), definedOf(user));

  return {
    type,
    async list(operator, query, withGroups) {
      requirePermission(operator, 'users:read');
      const { total, items } = await directory.users(readRequest(type(), query));
      return { total, items: await showAll(items, withGroups) };
    },
    async find(operator, id) {
      requirePermission(operator, 'users:read');
      return findOne(id);
    },
    async create(operator, body) {
      requirePermission(operator, 'users:write');
      const resource = withDisplayName(readResource(type(), body));
      const input = readPerson(resource, {}, null, clock.now());
      const { email = '', ...changes } = input.changes;
      const id = await asOne(async (tx) => {
        refuseTaken(await directory.namedSo(input.entry.userNameKey, emailKeyOf(input.entry.userName)), null);
        const roles = (await rolesAfter(['user'], input)) ?? ['user'];
        const user = await accounts.create({ ...changes, email, roles }, operator.actor);
        await users.update(user.id, { source: SCIM_SOURCE, externalId: input.externalId }, tx);
        await directory.saveEntry({ accountId: user.id, ...input.entry }, tx);
        if (!input.isActive) await accounts.suspend(user.id, operator.actor);
        return user.id;
      });
      return findOne(id);
    },
    replace(operator, id, body, expected) {
      const resource = withDisplayName(readResource(type(), body));
      return change(operator, id, expected, true, (before) => ({
        // Missing values stay as they are.
        active: before['active'],
        ...(resource['emails'] === undefined && { emails: before['emails'] }),
        ...(resource['roles'] === undefined && before['roles'] !== undefined && { roles: before['roles'] }),
        ...resource,
      }));
    },
    patch(operator, id, operations, expected) {
      const mayEnd = operations.some(
        ({ path: { attribute } }) => attribute?.name === 'active' || attribute?.name === 'roles',
      );
      return change(operator, id, expected, mayEnd, (before) =>
        operations.reduce((resource, operation) => applyOperation(type(), resource, operation), before),
      );
    },
    async remove(operator, id, expected) {
      await managedAccounts.remove(operator, id, { expected });
    },
  };
}
