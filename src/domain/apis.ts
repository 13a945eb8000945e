import { DomainError } from '../core/errors.ts';
import type { ApiContent, ApiFilters, ApiRecord, ApiSort, ApiUse, NamedApiUse } from '../storage/apis.ts';
import type { Announce } from '../storage/postgres/notifications.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import type { Attributes } from './attributes/index.ts';
import type { Listed, ListOptions, ReadList } from './operators/lists.ts';
import {
  changesOf,
  checkVersion,
  type Expected,
  type Operator,
  requirePermission,
} from './operators/operator.ts';

export type Api = ApiRecord;
export type { NamedApiUse } from '../storage/apis.ts';

export const MAX_USES = 100;

export type NewApi = Pick<ApiContent, 'identifier' | 'name'> & Partial<ApiContent>;

export type ApiChanges = Partial<Omit<ApiContent, 'identifier'>>;

/** The APIs that access tokens can be for, as operators manage them. */
export interface ApiAdmin {
  /** By identifier unless sorted. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<ApiSort, ApiFilters>): Promise<Listed<Api>>;
  /** @throws DomainError insufficient_scope, api_not_found. */
  find(operator: Operator, identifier: string): Promise<Api>;
  /**
   * The roles and clients that refer to an API, of those that the operator may see: at most `MAX_USES` of each.
   * @throws DomainError insufficient_scope, api_not_found.
   */
  uses(operator: Operator, identifier: string): Promise<NamedApiUse[]>;
  /** @throws DomainError insufficient_scope, invalid_request, api_taken, forbidden for a built-in one. */
  create(operator: Operator, api: NewApi): Promise<Api>;
  /**
   * Updates the given fields. @throws DomainError as `create`; api_not_found, precondition_failed, in_use for a scope that roles or clients refer to.
   */
  update(operator: Operator, identifier: string, changes: ApiChanges, expected?: Expected): Promise<Api>;
  /** Registers an API, or replaces it entirely. @throws DomainError as `create` and `update`. */
  save(operator: Operator, api: NewApi): Promise<Api>;
  /**
   * @param reason for the audit.
   * @throws DomainError insufficient_scope, api_not_found, precondition_failed, forbidden; in_use as `update`.
   */
  remove(operator: Operator, identifier: string, expected?: Expected, reason?: string): Promise<void>;
}

/** What an API has unless something else is given. */
export const API_DEFAULTS: Omit<ApiContent, 'identifier' | 'name'> = {
  scopes: [],
  accessTokenFormat: 'jwt',
  accessTokenTtl: null,
  signingAlg: 'ES256',
  tokenTypeHeader: 'at+jwt',
  enforceRoles: false,
  dynamicClients: false,
  defaultScopes: null,
};

/** A scope-token (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const MAX_SCOPES = 500;
const MAX_LENGTHS = { identifier: 512, name: 100 };

function refuse(field: string, reason: string): never {
  throw new DomainError('invalid_request', { field, reason });
}

function checkIdentifier(identifier: string): void {
  const url = URL.parse(identifier);
  if (!url || url.hash || identifier.length > MAX_LENGTHS.identifier)
    refuse('identifier', 'must be an absolute URI without a fragment');
}

/** Validates an API. Keeps the order of scopes and removes duplicates. */
function checked<Changes extends ApiChanges>(changes: Changes): Changes {
  const { name, scopes } = changes;
  if (name !== undefined && (name.trim() === '' || name.length > MAX_LENGTHS.name))
    refuse('name', `must have 1 to ${MAX_LENGTHS.name} characters`);
  if (scopes === undefined) return changes;
  if (scopes.length > MAX_SCOPES) refuse('scopes', `must be at most ${MAX_SCOPES}`);
  const wrong = scopes.find((scope) => !SCOPE.test(scope));
  if (wrong !== undefined)
    refuse(
      'scopes',
      `must not contain ${wrong.slice(0, 128)}, which is not a valid scope (RFC 6749 section 3.3)`,
    );
  return { ...changes, scopes: [...new Set(scopes)] };
}

/** @throws DomainError invalid_request for a default that is none of the API's scopes. */
function checkDefaults({ scopes, defaultScopes }: Pick<ApiContent, 'scopes' | 'defaultScopes'>): void {
  const foreign = defaultScopes?.find((scope) => !scopes.includes(scope));
  if (foreign !== undefined)
    refuse('default_scopes', `must not contain ${foreign.slice(0, 128)}, which is not one of its scopes`);
}

const inUse = ({ kind, id }: ApiUse): DomainError =>
  new DomainError('in_use', { reason: `the ${kind} ${id} refers to it` });

export function createApiAdmin({
  apis,
  readList,
  audit,
  inTransaction,
  builtIn,
  attributes,
  announce,
}: Pick<Stores, 'apis' | 'audit' | 'inTransaction'> & {
  readList: ReadList;
  /** Built-in APIs, which cannot be registered or changed, and their scopes. */
  builtIn: {
    isApi(identifier: string): boolean;
    apiScopes: readonly string[];
  };
  attributes: Pick<Attributes, 'lockScopes'>;
  announce: Announce;
}): ApiAdmin {
  const mayWrite = (operator: Operator, identifier: string): void => {
    requirePermission(operator, 'apis:write');
    if (builtIn.isApi(identifier)) throw new DomainError('forbidden', { reason: 'built_in' });
  };

  const lock = async (identifier: string, expected: Expected | undefined, tx: Tx): Promise<ApiRecord> => {
    const api = await apis.lock(identifier, tx);
    if (!api) throw new DomainError('api_not_found');
    checkVersion(api, expected);
    return api;
  };

  /**
   * Call it before locking any API, so that two operators cannot wait for one another.
   * @throws DomainError invalid_request for scopes of OpenID Connect.
   */
  const checkScopes = async ({ scopes = [] }: ApiChanges, tx: Tx): Promise<void> => {
    const ofOidc = await attributes.lockScopes(tx);
    const taken = scopes.find((scope) => ofOidc.includes(scope));
    if (taken !== undefined)
      refuse(
        'scopes',
        `must not contain ${taken}, a scope of OpenID Connect: use another name, like orders:${taken}`,
      );
  };

  /** @throws DomainError in_use when a role or a client refers to one of `scopes`. */
  const checkUnused = async (identifier: string, scopes: readonly string[], tx: Tx): Promise<void> => {
    if (scopes.length === 0) return;
    const others = (await apis.list(tx)).filter((api) => api.identifier !== identifier);
    const elsewhere = new Set([...others.flatMap((api) => api.scopes), ...builtIn.apiScopes]);
    const unique = scopes.filter((scope) => !elsewhere.has(scope));
    const use = await apis.scopesUsedBy(identifier, { all: scopes, unique }, tx);
    if (use) throw inUse(use);
  };

  const insert = async (operator: Operator, api: NewApi, tx: Tx): Promise<ApiRecord | null> => {
    const content = { ...API_DEFAULTS, ...api };
    checkDefaults(content);
    const created = await apis.create(content, tx);
    if (!created) return null;
    const { version: _version, createdAt: _createdAt, updatedAt: _updatedAt, ...after } = created;
    const details = { identifier: api.identifier, after };
    await audit.record({ type: 'api.created', details }, operator.actor, tx);
    await announce(tx);
    return created;
  };

  const change = async (
    operator: Operator,
    before: ApiRecord,
    changes: ApiChanges,
    tx: Tx,
  ): Promise<ApiRecord> => {
    const changed = changesOf<ApiChanges>(before, changes);
    if (!changed) return before;
    checkDefaults({ ...before, ...changes });
    const { identifier } = before;
    const kept = new Set(changes.scopes ?? before.scopes);
    await checkUnused(
      identifier,
      before.scopes.filter((scope) => !kept.has(scope)),
      tx,
    );
    const after = await apis.update(identifier, changed.after, tx);
    await audit.record({ type: 'api.updated', details: { identifier, ...changed } }, operator.actor, tx);
    await announce(tx);
    return after;
  };

  return {
    async list(operator, options) {
      requirePermission(operator, 'apis:read');
      return readList('apis', options, 'identifier', (request) => apis.page(request));
    },
    async find(operator, identifier) {
      requirePermission(operator, 'apis:read');
      const api = await apis.find(identifier);
      if (!api) throw new DomainError('api_not_found');
      return api;
    },
    async uses(operator, identifier) {
      const { permissions } = operator;
      const uses = await apis.uses(await this.find(operator, identifier), MAX_USES);
      return uses.filter(({ kind }) => permissions.has(kind === 'role' ? 'roles:read' : 'clients:read'));
    },
    async create(operator, api) {
      mayWrite(operator, api.identifier);
      checkIdentifier(api.identifier);
      const content = checked(api);
      return inTransaction(async (tx) => {
        await checkScopes(content, tx);
        const created = await insert(operator, content, tx);
        if (!created) throw new DomainError('api_taken', { field: 'identifier' });
        return created;
      });
    },
    async update(operator, identifier, changes, expected) {
      mayWrite(operator, identifier);
      const content = checked(changes);
      return inTransaction(async (tx) => {
        await checkScopes(content, tx);
        return change(operator, await lock(identifier, expected, tx), content, tx);
      });
    },
    async save(operator, api) {
      mayWrite(operator, api.identifier);
      checkIdentifier(api.identifier);
      const { identifier, ...content } = checked(api);
      return inTransaction(async (tx) => {
        await checkScopes(content, tx);
        const before = await apis.lock(identifier, tx);
        if (before) return change(operator, before, { ...API_DEFAULTS, ...content }, tx);
        const created = await insert(operator, { identifier, ...content }, tx);
        if (!created) throw new DomainError('api_taken', { field: 'identifier' });
        return created;
      });
    },
    async remove(operator, identifier, expected, reason) {
      mayWrite(operator, identifier);
      await inTransaction(async (tx) => {
        const api = await lock(identifier, expected, tx);
        const use = await apis.usedBy(identifier, tx);
        if (use) throw inUse(use);
        await checkUnused(identifier, api.scopes, tx);
        await apis.delete(identifier, tx);
        const details = { identifier, reason, before: { name: api.name, scopes: api.scopes } };
        await audit.record({ type: 'api.deleted', details }, operator.actor, tx);
        await announce(tx);
      });
    },
  };
}
