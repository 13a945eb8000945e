import type { Actor } from '../core/actor.ts';
import { CONTRACT_CLIENT } from '../core/contract-client.ts';
import { DomainError } from '../core/errors.ts';
import { newUuid, randomToken, sha256 } from '../core/ids.ts';
import type { Audit } from '../storage/audit.ts';
import type { ClientRecord, Clients as ClientStore } from '../storage/clients.ts';
import type { ClientSecretStore } from '../storage/client-secrets.ts';
import type { InTransaction, Tx } from '../storage/postgres/transaction.ts';

export interface NewClient {
  /** That of a client which was registered elsewhere; made here unless given. */
  id?: string | undefined;
  /** Its secret of there; made here unless given, for a client that needs one. */
  secret?: string | undefined;
  name: string;
  /** A client that can keep no secret: an SPA, a mobile or desktop app (RFC 6749 section 2.1). */
  isPublic: boolean;
  /** Of a service account: what it may do at the management API. */
  roles?: readonly string[] | undefined;
  /** Further RFC 7591 metadata; `grant_types`, `redirect_uris`, `scope` and so on. */
  metadata: Record<string, unknown>;
}

export interface ClientChanges {
  name?: string;
  metadata: Record<string, unknown>;
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
  /** Null for the newest one: until there is another. */
  expiresAt: Date | null;
}

export interface ClientAdminDependencies {
  clients: ClientStore;
  audit: Audit;
  inTransaction: InTransaction;
  secrets: ClientSecretStore;
  /** @throws DomainError invalid_request for a role that does not exist. */
  checkRoles(names: readonly string[], tx: Tx): Promise<void>;
  /** Checks metadata, and the names of what is changed, as the provider will. @throws DomainError invalid_client_metadata. */
  validate(metadata: Record<string, unknown>, changed: string[]): Promise<void>;
  /** Ends every grant and token of a client, in the transaction. */
  endClient(clientId: string, tx: Tx): Promise<void>;
  /** Tells every node, once the transaction commits. */
  announce(clientId: string, tx: Tx): Promise<void>;
}

export interface ClientAdmin {
  /** @throws DomainError invalid_client_metadata, invalid_request (roles), client_id_taken. */
  create(client: NewClient, actor: Actor): Promise<CreatedClient>;
  /**
   * Changes a client's name and the metadata that is given; null takes a property away. What it holds stays as it was.
   * @throws DomainError client_not_found, invalid_client_metadata.
   */
  update(id: string, changes: ClientChanges, actor: Actor): Promise<ClientRecord>;
  /** @throws DomainError client_not_found. */
  find(id: string): Promise<ClientRecord>;
  list(options: { limit: number; after?: string }): Promise<ClientRecord[]>;
  /** The secrets that count, the newest first. */
  secrets(id: string): Promise<ClientSecret[]>;
  /**
   * Makes another secret, shown this once. The former ones count for `overlap` seconds more at most, none with 0.
   * @throws DomainError client_not_found; invalid_client_metadata for a client that has no secret.
   */
  rotateSecret(id: string, overlap: number, actor: Actor): Promise<string>;
  /** Deletes the client; its grants and tokens end at once. @throws DomainError client_not_found. */
  delete(id: string, actor: Actor): Promise<void>;
}

const MAX_NAME = 100;

/** RFC 6749 appendix A.1, without the space. */
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** RFC 6749 appendix A.2. Secrets are kept by a fast hash, so one that was brought along must not be guessable. */
const SECRET = /^[\x20-\x7e]{20,255}$/;

/** Ways to authenticate that need no secret: none, and those with a key or a certificate of the client's own. */
const SECRETLESS = new Set<unknown>([
  'none',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
]);

/** @throws DomainError invalid_client_metadata. */
function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= MAX_NAME) return trimmed;
  throw new DomainError('invalid_client_metadata', {
    field: 'client_name',
    reason: `must have 1 to ${MAX_NAME} characters`,
  });
}

/** @throws DomainError invalid_client_metadata. */
function checkBrought({ id, secret, isPublic, metadata, roles }: NewClient): void {
  const refuse = (field: string, reason: string): never => {
    throw new DomainError('invalid_client_metadata', { field, reason });
  };
  if (id !== undefined && (!CLIENT_ID.test(id) || id.startsWith(CONTRACT_CLIENT)))
    refuse(
      'client_id',
      `must have 1 to 255 printable ASCII characters without spaces, and not begin with ${CONTRACT_CLIENT}`,
    );
  if (isPublic && (roles?.length ?? 0) > 0)
    refuse('roles', 'must not be of a public client, which anybody can claim to be');
  if (secret === undefined) return;
  if (isPublic || SECRETLESS.has(metadata['token_endpoint_auth_method']))
    refuse('client_secret', 'this client does not authenticate with a secret');
  if (!SECRET.test(secret)) refuse('client_secret', 'must have 20 to 255 printable ASCII characters');
}

/** Names a secret without giving anything of it away. */
const secretId = (hash: string): string => hash.slice(0, 12);

/** The clients of this provider, as operators manage them. */
export function createClientAdmin({
  clients,
  secrets,
  audit,
  inTransaction,
  checkRoles,
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

    async create(options, actor) {
      const { name, isPublic, metadata } = options;
      const roles = [...new Set(options.roles)];
      const trimmed = checkedName(name);
      checkBrought(options);
      const id = options.id ?? newUuid();
      const needsNone = isPublic || SECRETLESS.has(metadata['token_endpoint_auth_method']);
      const secret = needsNone ? null : (options.secret ?? randomToken());
      const complete = { ...metadata, ...(isPublic ? { token_endpoint_auth_method: 'none' } : {}) };
      const secretHash = secret === null ? null : sha256(secret);
      await validate(
        {
          ...complete,
          client_id: id,
          client_name: trimmed,
          ...(secretHash === null ? {} : { client_secret: secretHash }),
        },
        Object.keys(complete),
      );
      const client = await inTransaction(async (tx) => {
        await checkRoles(roles, tx);
        const created = await clients.create(
          { id, name: trimmed, secretHash, metadata: complete, roles },
          tx,
        );
        if (!created) throw new DomainError('client_id_taken');
        await audit.record(
          {
            type: 'client.created',
            clientId: id,
            details: { name: trimmed, ...(roles.length > 0 ? { roles } : {}) },
          },
          actor,
          tx,
        );
        await announce(id, tx);
        return created;
      });
      return { client, secret: options.secret === undefined ? secret : null };
    },

    async update(id, changes, actor) {
      const client = await find(id);
      const name = checkedName(changes.name ?? client.name);
      const changed = Object.entries({ ...client.metadata, ...changes.metadata });
      const metadata = Object.fromEntries(changed.filter(([, value]) => value !== null));
      await validate(
        {
          ...metadata,
          client_id: id,
          client_name: name,
          ...(client.secretHash === null ? {} : { client_secret: client.secretHash }),
        },
        Object.keys(changes.metadata),
      );
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

    async secrets(id) {
      const all = await secrets.list(id);
      return all.map(({ hash, ...secret }) => ({ id: secretId(hash), ...secret }));
    },

    async rotateSecret(id, overlap, actor) {
      await find(id);
      const secret = randomToken();
      const hash = sha256(secret);
      await inTransaction(async (tx) => {
        if (!(await secrets.replace(id, hash, overlap, tx)))
          throw new DomainError('invalid_client_metadata', { reason: 'this client has no secret' });
        const details = { secretId: secretId(hash), overlap };
        await audit.record({ type: 'client.secret_rotated', clientId: id, details }, actor, tx);
        await announce(id, tx);
      });
      return secret;
    },

    delete: (id, actor) =>
      inTransaction(async (tx) => {
        await endClient(id, tx);
        if (!(await clients.delete(id, tx))) throw new DomainError('client_not_found');
        await audit.record({ type: 'client.deleted', clientId: id }, actor, tx);
        await announce(id, tx);
      }),
  };
}
