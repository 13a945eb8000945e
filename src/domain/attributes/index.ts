/** Custom attributes of accounts, defined by a JSON Schema in the configuration or by an operator. */
import { attributeSchema, type AttributeSchema, type AttributeSchemaInput } from '../../config/attributes.ts';
import { DomainError } from '../../core/errors.ts';
import { inTurn } from '../../core/in-turn.ts';
import type { AttributeSchemas } from '../../storage/settings.ts';
import type { Announce } from '../../storage/postgres/notifications.ts';
import type { Stores } from '../../storage/stores.ts';
import { checkVersion, type Expected, type Operator, requirePermission } from '../operators/operator.ts';
import { type Attribute, attributesOf, type Party } from './definitions.ts';
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
  /** Whether it is the configuration's, which no operator changes. */
  configured: boolean;
  version: number;
}

export interface Attributes {
  /** Reads the schema anew. */
  load(): Promise<void>;
  /** Those in force, in the order of the schema; of one party those that it may see. */
  list(party?: Party): Attribute[];
  /** What `party` may see of the attributes of an account. */
  shown(values: AttributeValues, party: Party): ShownAttributes;
  /** The attributes of an account after changes, and all that is wrong with these. */
  read(
    stored: AttributeValues,
    changes: AttributeChanges,
  ): { values: Record<string, unknown>; errors: DomainError[] };
  /** The same. @throws DomainError invalid_request with the first field that is wrong, as `attributes.<name>`. */
  apply(stored: AttributeValues, changes: AttributeChanges): Record<string, unknown>;
  /**
   * Splits values of another service into valid ones, regardless of write permission, and the rest. Unwraps a list of
   * one and parses numbers and booleans where the schema expects them.
   */
  adopt(values: AttributeValues): { values: Record<string, unknown>; rest: Record<string, unknown> };
  /** By claim. */
  claims(values: AttributeValues): Record<string, unknown>;
  claimsByScope(): Record<string, string[]>;
  /** For filters: objects one of which the attributes must contain. @throws DomainError invalid_request. */
  containing(name: string, texts: readonly string[], party: Party): Record<string, unknown>[];
  /** @throws DomainError insufficient_scope. */
  find(operator: Operator): Promise<AttributeDefinition>;
  /**
   * Replaces the schema. Values that are stored stay, whether they fit it or not.
   * @throws DomainError insufficient_scope, invalid_request, precondition_failed; forbidden where the configuration has it.
   */
  update(operator: Operator, schema: AttributeSchemaInput, expected?: Expected): Promise<AttributeDefinition>;
}

const NONE: AttributeSchemaInput = { type: 'object', properties: {} };

export function createAttributes({
  configured,
  store,
  audit,
  inTransaction,
  announce,
}: Pick<Stores, 'audit' | 'inTransaction'> & {
  /** The configuration's; null leaves it to operators. */
  configured: AttributeSchema | null;
  store: AttributeSchemas;
  announce: Announce;
}): Attributes {
  let all = attributesOf(configured);

  const load = inTurn(async () => {
    if (configured) return;
    const stored = await store.find();
    all = attributesOf(stored && attributeSchema.parse(stored.schema));
  });

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
        // Their order is that of forms: another order is a change.
        if (JSON.stringify(before.schema) === JSON.stringify(whole)) return { ...before, configured: false };
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
