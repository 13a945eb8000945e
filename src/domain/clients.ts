import type { Actor } from '../kernel/actor.ts';
import { DomainError } from '../kernel/errors.ts';
import { newUuid, randomToken, sha256 } from '../kernel/ids.ts';
import type { Audit } from '../storage/audit.ts';
import type { ClientRecord, Clients as ClientStore } from '../storage/clients.ts';
import type { InTransaction, Tx } from '../storage/postgres/transaction.ts';

export interface NewClient {
  name: string;
  /** A client that can keep no secret: an SPA, a mobile or desktop app (RFC 6749 section 2.1). */
  isPublic: boolean;
  /** Further RFC 7591 metadata; `grant_types`, `redirect_uris`, `scope` and so on. */
  metadata: Record<string, unknown>;
}

export interface ClientChanges {
  name?: string;
  metadata: Record<string, unknown>;
}

/** A new client; the secret is shown this once. */
export interface CreatedClient {
  client: ClientRecord;
  secret: string | null;
}

export interface ClientAdminDependencies {
  clients: ClientStore;
  audit: Audit;
  inTransaction: InTransaction;
  /** Checks metadata as the provider will. @throws DomainError invalid_client_metadata. */
  validate(metadata: Record<string, unknown>): Promise<void>;
  /** Ends every grant and token of a client, in the transaction. */
  endClient(clientId: string, tx: Tx): Promise<void>;
  /** Tells every node, once the transaction commits. */
  announce(clientId: string, tx: Tx): Promise<void>;
}

export interface ClientAdmin {
  /** @throws DomainError invalid_client_metadata. */
  create(client: NewClient, actor: Actor): Promise<CreatedClient>;
  /**
   * Changes a client's name and the metadata that is given; null takes a property away. What it holds stays as it was.
   * @throws DomainError client_not_found, invalid_client_metadata.
   */
  update(id: string, changes: ClientChanges, actor: Actor): Promise<ClientRecord>;
  /** @throws DomainError client_not_found. */
  find(id: string): Promise<ClientRecord>;
  list(options: { limit: number; after?: string }): Promise<ClientRecord[]>;
  /** Deletes the client; its grants and tokens end at once. @throws DomainError client_not_found. */
  delete(id: string, actor: Actor): Promise<void>;
}

const MAX_NAME = 100;

/** Those that authenticate with a key or a certificate of their own, and are given no secret. */
const OWN_KEYS = new Set<unknown>(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']);

/** @throws DomainError invalid_client_metadata. */
function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= MAX_NAME) return trimmed;
  throw new DomainError('invalid_client_metadata', {
    field: 'client_name',
    reason: `must have 1 to ${MAX_NAME} characters`,
  });
}

/** The clients of this provider, as operators manage them. */
export function createClientAdmin({
  clients,
  audit,
  inTransaction,
  validate,
  endClient,
  announce,
}: ClientAdminDependencies): ClientAdmin {
  const find = async (id: string): Promise<ClientRecord> => {
    const client = await clients.find(id);
    if (!client) throw new DomainError('client_not_found');
    return client;
  };
  return {
    find,

    async create({ name, isPublic, metadata }, actor) {
      const trimmed = checkedName(name);
      const id = newUuid();
      const ownKeys = OWN_KEYS.has(metadata['token_endpoint_auth_method']);
      const secret = isPublic || ownKeys ? null : randomToken();
      const complete = { ...metadata, ...(isPublic ? { token_endpoint_auth_method: 'none' } : {}) };
      const secretHash = secret === null ? null : sha256(secret);
      await validate({
        ...complete,
        client_id: id,
        client_name: trimmed,
        ...(secretHash === null ? {} : { client_secret: secretHash }),
      });
      const client = await inTransaction(async (tx) => {
        const created = await clients.create({ id, name: trimmed, secretHash, metadata: complete }, tx);
        await audit.record({ type: 'client.created', clientId: id, details: { name: trimmed } }, actor, tx);
        await announce(id, tx);
        return created;
      });
      return { client, secret };
    },

    async update(id, changes, actor) {
      const client = await find(id);
      const name = checkedName(changes.name ?? client.name);
      const changed = Object.entries({ ...client.metadata, ...changes.metadata });
      const metadata = Object.fromEntries(changed.filter(([, value]) => value !== null));
      await validate({
        ...metadata,
        client_id: id,
        client_name: name,
        ...(client.secretHash === null ? {} : { client_secret: client.secretHash }),
      });
      return inTransaction(async (tx) => {
        const updated = await clients.update(id, { name, metadata }, tx);
        if (!updated) throw new DomainError('client_not_found');
        const properties = Object.keys(changes.metadata);
        await audit.record(
          { type: 'client.updated', clientId: id, details: { name, properties } },
          actor,
          tx,
        );
        await announce(id, tx);
        return updated;
      });
    },

    list: (options) => clients.list(options),

    delete: (id, actor) =>
      inTransaction(async (tx) => {
        await endClient(id, tx);
        if (!(await clients.delete(id, tx))) throw new DomainError('client_not_found');
        await audit.record({ type: 'client.deleted', clientId: id }, actor, tx);
        await announce(id, tx);
      }),
  };
}
