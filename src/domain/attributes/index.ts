/** Custom attributes of accounts, defined by a JSON Schema in the configuration or by an operator. */
import { attributeSchema, type AttributeSchema, type AttributeSchemaInput } from '../../config/attributes.ts';
import { DomainError, StartupError } from '../../core/errors.ts';
import { inTurn } from '../../core/in-turn.ts';
import type { AttributeSchemas } from '../../storage/settings.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Announce } from '../../storage/postgres/notifications.ts';
import type { Stores } from '../../storage/stores.ts';
import { checkVersion, type Expected, type Operator, requirePermission } from '../operators/operator.ts';
import { type Attribute, attributesOf, type Party, scopesOf } from './definitions.ts';
import {
  adopt,
  applyChanges,
  type AttributeChanges,
  type AttributeValues,
  claimsByScope,
  claimsOf,
  containing,
  type ShownAttributes,
  shownTo,
} from './values.ts';

export type { Attribute, Party } from './definitions.ts';
export {
  type AttributeChanges,
  type AttributeValues,
  changedFields,
  type ShownAttributes,
} from './values.ts';

/** The schema in force. */
export interface AttributeDefinition {
  schema: AttributeSchemaInput;
  /** Whether it is the configuration's, which operators cannot change. */
  configured: boolean;
  version: number;
}

export interface Attributes {
  /** Reloads the schema. */
  load(): Promise<void>;
  /** The attributes in force, in order of the schema; for one party, those that it may see. */
  list(party?: Party): Attribute[];
  /** What `party` may see of an account's attributes. */
  shown(values: AttributeValues, party: Party): ShownAttributes;
  /** An account's attributes after changes, and all mistakes in these. */
  read(
    stored: AttributeValues,
    changes: AttributeChanges,
  ): { values: Record<string, unknown>; errors: DomainError[] };
  /** The same. @throws DomainError invalid_request with the first invalid field, as `attributes.<name>`. */
  apply(stored: AttributeValues, changes: AttributeChanges): Record<string, unknown>;
  /**
   * Splits values of another service into valid ones, regardless of write permission, and the rest. Unwraps a list of one and
   * parses numbers and booleans where the schema expects them.
   */
  adopt(values: AttributeValues): { values: Record<string, unknown>; rest: Record<string, unknown> };
  /** By claim. */
  claims(values: AttributeValues): Record<string, unknown>;
  claimsByScope(): Record<string, string[]>;
  /** The OpenID Connect scopes in force: the standard ones and those of attributes. */
  scopes(): readonly string[];
  /** The same as stored; locked against changes until the transaction ends. */
  lockScopes(tx: Tx): Promise<readonly string[]>;
  /** For filters: objects one of which the attributes must contain. @throws DomainError invalid_request. */
  containing(name: string, texts: readonly string[], party: Party): Record<string, unknown>[];
  /** @throws DomainError insufficient_scope. */
  find(operator: Operator): Promise<AttributeDefinition>;
  /**
   * Replaces the schema. Stored values stay, whether they fit it or not.
   * @throws DomainError insufficient_scope, invalid_request, precondition_failed; forbidden when the configuration defines it;
   *   in_use for a removed scope that a client names.
   */
  update(operator: Operator, schema: AttributeSchemaInput, expected?: Expected): Promise<AttributeDefinition>;
}

const NONE: AttributeSchemaInput = { type: 'object', properties: {} };

export function createAttributes({
  configured,
  store,
  apis,
  clients,
  audit,
  inTransaction,
  announce,
}: Pick<Stores, 'apis' | 'clients' | 'audit' | 'inTransaction'> & {
  /** The configuration's; null leaves it to operators. */
  configured: AttributeSchema | null;
  store: AttributeSchemas;
  announce: Announce;
}): Attributes {
  let all = attributesOf(configured);
  let scopes = scopesOf(all);

  /** A scope that both an attribute and an API have: an app that was allowed the one must not get the other. */
  const shared = async (attributes: readonly Attribute[], tx?: Tx) => {
    const offered = await apis.list(tx);
    for (const { name, scope } of attributes) {
      const api = scope === undefined ? undefined : offered.find((one) => one.scopes.includes(scope));
      if (api)
        return {
          field: `properties.${name}.scope`,
          reason: `must not be ${scope}, a scope of the API ${api.identifier}`,
        };
    }
    return null;
  };

  const load = inTurn(async () => {
    if (configured) {
      const mistake = await shared(all);
      if (mistake) throw new StartupError(`attributes.${mistake.field} ${mistake.reason}`);
      return;
    }
    const stored = await store.find();
    all = attributesOf(stored && attributeSchema.parse(stored.schema));
    scopes = scopesOf(all);
  });

  const checkScopes = async (before: AttributeSchema, after: AttributeSchema, tx: Tx): Promise<void> => {
    const mistake = await shared(attributesOf(after), tx);
    if (mistake) throw new DomainError('invalid_request', { ...mistake, field: `schema.${mistake.field}` });
    const kept = new Set(scopesOf(attributesOf(after)));
    const gone = scopesOf(attributesOf(before)).filter((scope) => !kept.has(scope));
    const client = gone.length === 0 ? null : await clients.naming(gone, tx);
    if (client !== null) throw new DomainError('in_use', { reason: `the client ${client} refers to it` });
  };

  return {
    load,
    list: (party) => (party === undefined ? all : all.filter((attribute) => attribute.mayRead(party))),
    shown: (values, party) => shownTo(all, values, party),
    read: (stored, changes) => applyChanges(all, stored, changes),
    apply(stored, changes) {
      const { values, errors } = applyChanges(all, stored, changes);
      if (errors[0]) throw errors[0];
      return values;
    },
    adopt: (values) => adopt(all, values),
    claims: (values) => claimsOf(all, values),
    claimsByScope: () => claimsByScope(all),
    scopes: () => scopes,
    async lockScopes(tx) {
      if (configured) return scopes;
      const stored = await store.lock(tx);
      return scopesOf(attributesOf(stored && attributeSchema.parse(stored.schema)));
    },
    containing: (name, texts, party) => containing(all, name, texts, party),
    async find(operator) {
      requirePermission(operator, 'settings:read');
      if (configured) return { schema: configured, configured: true, version: 0 };
      const stored = await store.find();
      return { schema: stored?.schema ?? NONE, configured: false, version: stored?.version ?? 0 };
    },
    async update(operator, schema, expected) {
      requirePermission(operator, 'settings:write');
      if (configured) throw new DomainError('forbidden', { reason: 'configured' });
      const { data: whole, error } = attributeSchema.safeParse(schema);
      if (error) {
        const { path, message } = error.issues[0]!;
        throw new DomainError('invalid_request', { field: ['schema', ...path].join('.'), reason: message });
      }
      return inTransaction(async (tx) => {
        const before = (await store.lock(tx)) ?? { schema: NONE, version: 0 };
        checkVersion(before, expected);
        // The order is that of forms: another order is a change.
        if (JSON.stringify(before.schema) === JSON.stringify(whole)) return { ...before, configured: false };
        await checkScopes(attributeSchema.parse(before.schema), whole, tx);
        const after = await store.save(whole, tx);
        const details = { before: before.schema, after: whole };
        await audit.record({ type: 'attributes.updated', details }, operator.actor, tx);
        await announce(tx);
        tx.afterCommit(load);
        return { ...after, configured: false };
      });
    },
  };
}
