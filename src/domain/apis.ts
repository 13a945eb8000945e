import type { Actor } from '../core/actor.ts';
import { DomainError } from '../core/errors.ts';
import type { ApiRecord, Apis as ApiStore } from '../storage/apis.ts';
import type { Audit } from '../storage/audit.ts';
import type { InTransaction, Tx } from '../storage/postgres/transaction.ts';

export interface ApiAdminDependencies {
  apis: ApiStore;
  audit: Audit;
  inTransaction: InTransaction;
  /** Scopes that stand beside those of an API in one token, and must not be taken for them. */
  reservedScopes: readonly string[];
  /** Tells every node, once the transaction commits. */
  announce(tx: Tx): Promise<void>;
}

export interface ApiAdmin {
  /** Registers an API, or replaces what was known of it. @throws DomainError invalid_request. */
  save(api: ApiRecord, actor: Actor): Promise<ApiRecord>;
  list(): Promise<ApiRecord[]>;
  /** @throws DomainError api_not_found. */
  delete(identifier: string, actor: Actor): Promise<void>;
}

/** A scope-token (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

function check({ identifier, name, scopes }: ApiRecord, reserved: readonly string[]): void {
  const url = URL.parse(identifier);
  if (!url || url.hash || identifier.length > 512) {
    throw new DomainError('invalid_request', {
      field: 'identifier',
      reason: 'must be an absolute URI without a fragment',
    });
  }
  if (name.trim() === '' || name.length > 100) {
    throw new DomainError('invalid_request', { field: 'name', reason: 'must have 1 to 100 characters' });
  }
  const wrong = scopes.find((scope) => !SCOPE.test(scope));
  if (wrong !== undefined)
    throw new DomainError('invalid_request', { field: 'scope', reason: `not a scope: ${wrong}` });
  const taken = scopes.find((scope) => reserved.includes(scope));
  if (taken !== undefined)
    throw new DomainError('invalid_request', {
      field: 'scope',
      reason: `${taken} is a scope of OpenID Connect: give yours another name, like orders:${taken}`,
    });
}

/** The APIs that access tokens can be for, as operators manage them. */
export function createApiAdmin({
  apis,
  audit,
  inTransaction,
  reservedScopes,
  announce,
}: ApiAdminDependencies): ApiAdmin {
  return {
    async save(api, actor) {
      check(api, reservedScopes);
      await inTransaction(async (tx) => {
        await apis.save(api, tx);
        await audit.record({ type: 'api.created', details: { identifier: api.identifier } }, actor, tx);
        await announce(tx);
      });
      return api;
    },
    list: () => apis.list(),
    delete: (identifier, actor) =>
      inTransaction(async (tx) => {
        if (!(await apis.delete(identifier, tx))) throw new DomainError('api_not_found');
        await audit.record({ type: 'api.deleted', details: { identifier } }, actor, tx);
        await announce(tx);
      }),
  };
}
