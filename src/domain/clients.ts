import { isAgent } from '../core/agents.ts';
import { DomainError } from '../core/errors.ts';
import { newUuid, randomToken, sha256, shortIdOf } from '../core/ids.ts';
import type { ClientSecretStore } from '../storage/client-secrets.ts';
import type { ClientFilters, ClientKind, ClientRecord, ClientSort } from '../storage/clients.ts';
import type { Consenter } from '../storage/consents.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import {
  checkBrought,
  checkCircle,
  checkedName,
  isPublic,
  isStorable,
  managementScopes,
  needsSecret,
  refuse,
} from './client-checks.ts';
import type { Listed, ListOptions, ReadList } from './operators/lists.ts';
import { mayGive, mayTouch } from './operators/escalation.ts';
import {
  changesOf,
  differencesOf,
  checkVersion,
  type Expected,
  type Operator,
  requirePermission,
} from './operators/operator.ts';
import type { Rights } from './operators/rights.ts';
import type { Roles } from './operators/roles.ts';

/** A client as operators see it: all of its metadata (RFC 7591), and what stands for what that does not say. Never a secret. */
export const clientView = ({
  id,
  name,
  metadata,
  roles,
  enabled,
  kind,
  lastUsedAt,
  createdAt,
  updatedAt,
}: ClientRecord) => ({
  client_id: id,
  name,
  ...metadata,
  ...(isAgent(metadata) ? { agent: true } : {}),
  grant_types: (metadata['grant_types'] ?? ['authorization_code']) as string[],
  redirect_uris: (metadata['redirect_uris'] ?? []) as string[],
  token_endpoint_auth_method: (metadata['token_endpoint_auth_method'] ?? 'client_secret_basic') as string,
  roles,
  kind,
  enabled,
  last_used_at: lastUsedAt?.toISOString() ?? null,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
});

export const CLIENT_KINDS = [
  'web',
  'spa',
  'native',
  'device',
  'service',
  'gateway',
] as const satisfies ClientKind[];

export type ManagedClient = ClientRecord;
export type { ClientKind } from '../storage/clients.ts';
export type { Consenter } from '../storage/consents.ts';

export interface NewClient {
  /** That of a client which was registered elsewhere; made here unless given. */
  id?: string | undefined;
  /** Its secret of there; made here unless given, for a client that needs one. */
  secret?: string | undefined;
  name: string;
  /** A client that can keep no secret: an SPA, a mobile or desktop app (RFC 6749 section 2.1). */
  isPublic?: boolean | undefined;
  /** The management permissions of a service account. */
  roles?: readonly string[] | undefined;
  /** Further RFC 7591 metadata; `grant_types`, `redirect_uris`, `scope` and so on. */
  metadata: Record<string, unknown>;
}

export interface ClientChanges {
  name?: string | undefined;
  roles?: readonly string[] | undefined;
  /** Null takes a property away. */
  metadata?: Record<string, unknown> | undefined;
}

/** A new client; the secret is shown this once, if it was made here. */
export interface CreatedClient {
  client: ClientRecord;
  secret: string | null;
}

/** A secret that counts, without itself. */
export interface ClientSecret {
  id: string;
  createdAt: Date;
  /** Null for one that counts until there is another. */
  expiresAt: Date | null;
}

interface Dependencies extends Pick<Stores, 'clients' | 'consents' | 'groups' | 'audit' | 'inTransaction'> {
  secrets: ClientSecretStore;
  readList: ReadList;
  rights: Pick<Rights, 'weightOf'>;
  roles: Pick<Roles, 'checkNames'>;
  /** What metadata implies where it does not say it. */
  complete: {
    whole(metadata: Record<string, unknown>): Record<string, unknown>;
    changes(metadata: Record<string, unknown>): Record<string, unknown>;
  };
  /** Validates metadata, and the names of changed properties, as the provider will. @throws DomainError invalid_client_metadata. */
  validate(metadata: Record<string, unknown>, changed: string[]): Promise<void>;
  /** Ends every grant and token of a client, in the transaction. */
  endClient(clientId: string, tx: Tx): Promise<void>;
  /** Tells every node, once the transaction commits. */
  announce(clientId: string, tx: Tx): Promise<void>;
}

/**
 * Clients as operators manage them. A client that holds roles, or may manage for people, can be changed only by
 * operators who hold its permissions.
 */
export interface ClientAdmin {
  /** By client_id unless sorted. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<ClientSort, ClientFilters>): Promise<Listed<ClientRecord>>;
  /** @throws DomainError insufficient_scope, client_not_found. */
  find(operator: Operator, id: string): Promise<ClientRecord>;
  /**
   * @throws DomainError insufficient_scope, permission_not_held, invalid_client_metadata, invalid_request (roles),
   *   client_id_taken.
   */
  create(operator: Operator, client: NewClient): Promise<CreatedClient>;
  /**
   * Updates the given name, roles and metadata. Tokens and grants stay.
   * @throws DomainError as `create`; client_not_found, stronger_operator, precondition_failed, forbidden (oneself).
   */
  update(operator: Operator, id: string, changes: ClientChanges, expected?: Expected): Promise<ClientRecord>;
  /**
   * Lets a client work, or has it get nothing: no tokens, and those that it has count for nothing until it is enabled again.
   * @throws DomainError insufficient_scope, client_not_found, stronger_operator, precondition_failed, forbidden (oneself).
   */
  setEnabled(operator: Operator, id: string, enabled: boolean, expected?: Expected): Promise<ClientRecord>;
  /** The secrets that count, the newest first. @throws DomainError insufficient_scope, client_not_found. */
  secrets(operator: Operator, id: string): Promise<ClientSecret[]>;
  /**
   * Makes another secret, shown this once.
   * @param overlap seconds that the former ones count for at most; none with 0.
   * @param lifetime seconds that it counts for itself; null for one without an end.
   * @param secret one that was brought along; made here unless given.
   * @throws DomainError insufficient_scope, client_not_found, stronger_operator; invalid_client_metadata for a client that
   *   has no secret.
   */
  rotateSecret(
    operator: Operator,
    id: string,
    times: { overlap: number; lifetime?: number | null | undefined; secret?: string | undefined },
  ): Promise<ClientSecret & { secret: string }>;
  /** @throws DomainError as `rotateSecret`; secret_not_found, in_use for the only one. */
  removeSecret(operator: Operator, id: string, secretId: string): Promise<void>;
  /** Who has allowed it something, the latest first. @throws DomainError insufficient_scope, client_not_found, invalid_cursor. */
  consents(
    operator: Operator,
    id: string,
    options: ListOptions<'created_at', object>,
  ): Promise<Listed<Consenter>>;
  /**
   * Deletes the client; its grants and tokens end at once. @param reason for the audit.
   * @throws DomainError insufficient_scope, client_not_found, stronger_operator, precondition_failed, forbidden (oneself).
   */
  remove(operator: Operator, id: string, expected?: Expected, reason?: string): Promise<void>;
}

/** A service account must not put itself out, nor give itself anything. @throws DomainError forbidden. */
function notItself({ actor }: Operator, id: string): void {
  if (actor.kind === 'client' && actor.id === id) throw new DomainError('forbidden', { reason: 'oneself' });
}

export function createClientAdmin({
  clients,
  consents,
  groups,
  secrets,
  audit,
  inTransaction,
  readList,
  rights,
  roles,
  complete,
  validate,
  endClient,
  announce,
}: Dependencies): ClientAdmin {
  const existing = (client: ClientRecord | null): ClientRecord => {
    if (!client) throw new DomainError('client_not_found');
    return client;
  };

  const check = (
    { id, name, secretHash, metadata }: Pick<ClientRecord, 'id' | 'name' | 'secretHash' | 'metadata'>,
    changed: Record<string, unknown>,
  ): Promise<void> => {
    if (!isStorable(metadata))
      throw new DomainError('invalid_client_metadata', { reason: 'must be well-formed text without NUL' });
    const secret = secretHash === null ? {} : { client_secret: secretHash };
    return validate({ ...metadata, client_id: id, client_name: name, ...secret }, Object.keys(changed));
  };

  const weightOf = async (client: Pick<ClientRecord, 'roles' | 'metadata'>, tx: Tx) =>
    (await rights.weightOf(client.roles, tx)).union(new Set(managementScopes(client.metadata)));

  /** Only operators who hold a role's permissions may assign or remove it, and only on confidential clients. */
  const checkRoles = async (
    operator: Operator,
    before: readonly string[],
    after: readonly string[],
    tx: Tx,
  ): Promise<void> => {
    const moved = [...new Set(before).symmetricDifference(new Set(after))];
    if (moved.length === 0) return;
    await roles.checkNames(after, tx);
    mayGive(operator, await rights.weightOf(moved, tx));
    requirePermission(operator, 'roles:write');
  };

  /** The client to be changed, locked: one that may do no more than the operator. */
  const lockManageable = async (operator: Operator, id: string, expected: Expected | undefined, tx: Tx) => {
    const client = existing(await clients.lock(id, tx));
    checkVersion(client, expected);
    mayTouch(operator, await weightOf(client, tx));
    return client;
  };

  return {
    async list(operator, options) {
      requirePermission(operator, 'clients:read');
      return readList('clients', options, 'client_id', (request) => clients.list(request));
    },
    async find(operator, id) {
      requirePermission(operator, 'clients:read');
      return existing(await clients.find(id));
    },

    async create(operator, options) {
      requirePermission(operator, 'clients:write');
      const metadata = complete.whole({
        ...options.metadata,
        ...(options.isPublic === true ? { token_endpoint_auth_method: 'none' } : {}),
      });
      const names = [...new Set(options.roles)].sort();
      const name = checkedName(options.name);
      checkBrought({ ...options, metadata });
      if (isPublic(metadata) && names.length > 0)
        refuse('roles', 'must not be of a public client, which anybody can claim to be');
      const id = options.id ?? newUuid();
      const secret = needsSecret(metadata) ? (options.secret ?? randomToken()) : null;
      const secretHash = secret === null ? null : sha256(secret);
      await check({ id, name, secretHash, metadata }, metadata);
      const client = await inTransaction(async (tx) => {
        await checkCircle(metadata, { roles, groups }, tx);
        await checkRoles(operator, [], names, tx);
        mayGive(operator, managementScopes(metadata));
        const created = await clients.create({ id, name, secretHash, metadata, roles: names }, tx);
        if (!created) throw new DomainError('client_id_taken');
        const after = { ...metadata, ...(names.length > 0 ? { roles: names } : {}) };
        await audit.record(
          { type: 'client.created', clientId: id, details: { name, after } },
          operator.actor,
          tx,
        );
        await announce(id, tx);
        return created;
      });
      return { client, secret: options.secret === undefined ? secret : null };
    },

    async update(operator, id, changes, expected) {
      requirePermission(operator, 'clients:write');
      const changed = complete.changes(changes.metadata ?? {});
      return inTransaction(async (tx) => {
        const before = await lockManageable(operator, id, expected, tx);
        const name = checkedName(changes.name ?? before.name);
        const metadata = Object.fromEntries(
          Object.entries({ ...before.metadata, ...changed }).filter(([, value]) => value !== null),
        );
        const names = changes.roles === undefined ? before.roles : [...new Set(changes.roles)].sort();
        if (isPublic(metadata) && names.length > 0)
          refuse('roles', 'must not be of a public client, which anybody can claim to be');
        await check({ id, name, secretHash: before.secretHash, metadata }, changed);
        const moved = changesOf({ name: before.name, roles: before.roles }, { name, roles: names });
        const movedMetadata = differencesOf(before.metadata, metadata);
        if (!moved && !movedMetadata) return before;
        if (moved?.after.roles) notItself(operator, id);
        await checkCircle(changed, { roles, groups }, tx);
        await checkRoles(operator, before.roles, names, tx);
        mayGive(operator, managementScopes(metadata));
        const updated = existing(await clients.update(id, { name, metadata, roles: names }, tx));
        const details = {
          name,
          properties: Object.keys(changes.metadata ?? {}),
          before: { ...moved?.before, ...movedMetadata?.before },
          after: { ...moved?.after, ...movedMetadata?.after },
        };
        await audit.record({ type: 'client.updated', clientId: id, details }, operator.actor, tx);
        await announce(id, tx);
        return updated;
      });
    },

    async setEnabled(operator, id, enabled, expected) {
      requirePermission(operator, 'clients:write');
      return inTransaction(async (tx) => {
        const before = await lockManageable(operator, id, expected, tx);
        notItself(operator, id);
        if (before.enabled === enabled) return before;
        const after = existing(await clients.update(id, { enabled }, tx));
        const type = enabled ? 'client.enabled' : 'client.disabled';
        const details = { name: before.name, before: { enabled: !enabled }, after: { enabled } };
        await audit.record({ type, clientId: id, details }, operator.actor, tx);
        await announce(id, tx);
        return after;
      });
    },

    async secrets(operator, id) {
      requirePermission(operator, 'clients:read');
      existing(await clients.find(id));
      const all = await secrets.list(id);
      return all.map(({ hash, ...secret }) => ({ id: shortIdOf(hash), ...secret }));
    },

    async rotateSecret(operator, id, { overlap, lifetime = null, secret: brought }) {
      requirePermission(operator, 'clients:write');
      const secret = brought ?? randomToken();
      return inTransaction(async (tx) => {
        const { metadata } = await lockManageable(operator, id, undefined, tx);
        checkBrought({ secret: brought, metadata });
        const made = await secrets.replace(id, sha256(secret), { overlap, lifetime }, tx);
        if (!made) throw new DomainError('invalid_client_metadata', { reason: 'this client has no secret' });
        const { hash, createdAt, expiresAt } = made;
        const details = { secretId: shortIdOf(hash), overlap, lifetime };
        await audit.record({ type: 'client.secret_rotated', clientId: id, details }, operator.actor, tx);
        await announce(id, tx);
        return { id: shortIdOf(hash), createdAt, expiresAt, secret };
      });
    },

    async removeSecret(operator, id, wanted) {
      requirePermission(operator, 'clients:write');
      await inTransaction(async (tx) => {
        await lockManageable(operator, id, undefined, tx);
        const found = (await secrets.list(id)).find(({ hash }) => shortIdOf(hash) === wanted);
        const removed = found !== undefined && (await secrets.remove(id, found.hash, tx));
        if (!removed) throw new DomainError('secret_not_found');
        if (removed === 'last')
          throw new DomainError('in_use', { reason: 'it is the only secret of the client' });
        const details = { secretId: wanted };
        await audit.record({ type: 'client.secret_removed', clientId: id, details }, operator.actor, tx);
        await announce(id, tx);
      });
    },

    async consents(operator, id, options) {
      requirePermission(operator, 'clients:read');
      requirePermission(operator, 'users:read');
      const client = existing(await clients.find(id));
      return readList(`consents ${client.id}`, options, '-created_at', (request) =>
        consents.ofClient(client.id, request),
      );
    },

    async remove(operator, id, expected, reason) {
      requirePermission(operator, 'clients:write');
      await inTransaction(async (tx) => {
        const client = await lockManageable(operator, id, expected, tx);
        notItself(operator, id);
        await endClient(id, tx);
        await clients.delete(id, tx);
        const details = { reason, before: { name: client.name, ...client.metadata, roles: client.roles } };
        await audit.record({ type: 'client.deleted', clientId: id, details }, operator.actor, tx);
        await announce(id, tx);
      });
    },
  };
}
