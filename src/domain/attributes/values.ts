import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../core/errors.ts';
import type { Attribute, Party } from './definitions.ts';

/** Values by name, as an account has them. */
export type AttributeValues = Readonly<Record<string, unknown>>;

/** Changes to an account's attributes: null removes, absent keeps. */
export interface AttributeChanges {
  by: Party;
  values: AttributeValues;
  /** Whether to enforce required attributes. */
  isWhole?: boolean;
}

/** What somebody may see of an account's attributes. */
export interface ShownAttributes {
  /** Values that fit the current schema. */
  attributes: Record<string, unknown>;
  /** Values of an earlier schema that no longer fit: apps don't get them. */
  invalid_attributes: Record<string, unknown>;
}

/** The field of an attribute, in errors, forms and queries. */
export const fieldOf = (name: string): `attributes.${string}` => `attributes.${name}`;

const refusal = (name: string, reason: string) =>
  new DomainError('invalid_request', { field: fieldOf(name), reason });

/**
 * Applies changes to an account's attributes. Returns the result and all mistakes. Stored values that are not changed
 * stay, even if they no longer fit.
 */
export function applyChanges(
  all: readonly Attribute[],
  stored: AttributeValues,
  { by, values, isWhole = false }: AttributeChanges,
): { values: Record<string, unknown>; errors: DomainError[] } {
  const after: Record<string, unknown> = { ...stored };
  const errors: DomainError[] = [];
  const byName = new Map(all.map((attribute) => [attribute.name, attribute]));
  for (const [name, value] of Object.entries(values)) {
    const attribute = byName.get(name);
    if (value === undefined || (attribute?.mayRead(by) && isDeepStrictEqual(stored[name], value))) continue;
    // Hidden attributes behave as absent.
    if (!attribute?.mayRead(by)) errors.push(refusal(name, 'unknown'));
    else if (!attribute.mayWrite(by)) errors.push(refusal(name, 'read_only'));
    else if (value === null) {
      if (by === 'person' && attribute.isRequired) errors.push(refusal(name, 'required'));
      else delete after[name];
    } else {
      const mistake = attribute.mistakeIn(value);
      if (mistake === null) after[name] = value;
      else errors.push(refusal(name, mistake));
    }
  }
  const reported = new Set(errors.map(({ details }) => details.field));
  for (const { name, isRequired } of isWhole ? all : [])
    if (isRequired && after[name] === undefined && !reported.has(fieldOf(name)))
      errors.push(refusal(name, 'required'));
  return { values: after, errors };
}

/** A value of another service in the form of an attribute; undefined if it does not fit. */
function adopted(attribute: Attribute | undefined, value: unknown): unknown {
  if (!attribute || value === null) return undefined;
  const single: unknown = !attribute.isList && Array.isArray(value) && value.length === 1 ? value[0] : value;
  const forms =
    typeof single === 'string' && !attribute.isList ? [single, attribute.fromText(single)] : [single];
  return forms.find((form) => form !== undefined && attribute.mistakeIn(form) === null);
}

/** Splits values of another service: those that fit `all`, converted, and the rest. */
export function adopt(
  all: readonly Attribute[],
  values: AttributeValues,
): { values: Record<string, unknown>; rest: Record<string, unknown> } {
  const byName = new Map(all.map((attribute) => [attribute.name, attribute]));
  const fitting = new Map(
    Object.entries(values).map(([name, value]) => [name, adopted(byName.get(name), value)]),
  );
  return {
    values: Object.fromEntries([...fitting].filter(([, value]) => value !== undefined)),
    rest: Object.fromEntries(Object.entries(values).filter(([name]) => fitting.get(name) === undefined)),
  };
}

/** What `party` may see. */
export function shownTo(all: readonly Attribute[], stored: AttributeValues, party: Party): ShownAttributes {
  const shown: ShownAttributes = { attributes: {}, invalid_attributes: {} };
  for (const attribute of all) {
    const value = stored[attribute.name];
    if (value === undefined || !attribute.mayRead(party)) continue;
    const where = attribute.mistakeIn(value) === null ? shown.attributes : shown.invalid_attributes;
    where[attribute.name] = value;
  }
  return shown;
}

/** The claims of valid values. Scopes decide which of them an app gets. */
export const claimsOf = (all: readonly Attribute[], stored: AttributeValues): Record<string, unknown> =>
  Object.fromEntries(
    all
      .filter(({ scope, name, mistakeIn }) => scope !== undefined && mistakeIn(stored[name] ?? null) === null)
      .map(({ claim, name }) => [claim, stored[name]]),
  );

/** The claims of each scope. */
export function claimsByScope(all: readonly Attribute[]): Record<string, string[]> {
  const scopes: Record<string, string[]> = {};
  for (const { scope, claim } of all) if (scope !== undefined) (scopes[scope] ??= []).push(claim);
  return scopes;
}

/**
 * A filter for accounts by an attribute: objects one of which theirs must contain.
 * @throws DomainError invalid_request for an attribute that `party` may not see, and for impossible values.
 */
export function containing(
  all: readonly Attribute[],
  name: string,
  texts: readonly string[],
  party: Party,
): Record<string, unknown>[] {
  const attribute = all.find((one) => one.name === name && one.mayRead(party));
  if (!attribute) throw refusal(name, 'unknown');
  return texts.map((text) => {
    const value = attribute.isList ? [text] : attribute.fromText(text);
    if (value === undefined || text.includes('\0')) throw refusal(name, 'invalid_value');
    return { [name]: value };
  });
}

/** The changed fields, for the audit: only names of those that operators may not see. */
export function changedFields(before: AttributeValues, after: AttributeValues): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name])).map(fieldOf);
}
