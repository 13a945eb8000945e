/**
 * PATCH (RFC 7644 section 3.5.2), as directories send it: operations in any case, paths as keys of a value, missing values that
 * are created, removals that name what to remove.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '../../storage/directory-conditions.ts';
import { ScimError } from './errors.ts';
import { type Path, parsePath } from './expressions.ts';
import type { Attribute, ResourceType } from './schema.ts';
import { isEmpty, isObject, readExtension, readValue, type Resource } from './values.ts';

const OPERATIONS = ['add', 'replace', 'remove'] as const;

/** One operation with its resolved target. */
export interface Operation {
  op: (typeof OPERATIONS)[number];
  path: Path;
  value: unknown;
}

const MAX_OPERATIONS = 1_000;

const noTarget = (detail: string): never => {
  throw new ScimError('noTarget', detail);
};
const badValue = (detail: string): never => {
  throw new ScimError('invalidValue', detail);
};

/** A member of an object, by name in any case. */
const member = (object: Resource, name: string): unknown =>
  object[name] ?? Object.entries(object).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];

const isReadOnly = ({ attribute, sub }: Path): boolean =>
  attribute?.mutability === 'readOnly' || sub?.mutability === 'readOnly';

/** Resolves the keys of a value to attributes. Skips unknown and read-only ones, as in a whole resource. */
function spread(type: ResourceType, op: Operation['op'], value: unknown): Operation[] {
  if (!isObject(value)) return badValue('Without a path, the value must be an object');
  return Object.entries(value).flatMap(([key, one]) => {
    try {
      const path = parsePath(key, type);
      return path && !isReadOnly(path) ? [{ op, path, value: one }] : [];
    } catch (error) {
      if (error instanceof ScimError && error.scimType === 'invalidPath') return [];
      throw error;
    }
  });
}

/**
 * The operations of a request; none for an empty list, which Entra ID sends.
 * @throws ScimError invalidSyntax, invalidPath, invalidFilter, invalidValue, noTarget, mutability.
 */
export function readPatch(type: ResourceType, body: unknown): Operation[] {
  const operations = isObject(body) ? member(body, 'Operations') : undefined;
  if (!Array.isArray(operations)) throw new ScimError('invalidSyntax', 'Operations must be a list');
  if (operations.length > MAX_OPERATIONS)
    throw new ScimError('invalidValue', `A PATCH may have at most ${MAX_OPERATIONS} operations`);
  return operations.flatMap((one: unknown) => {
    const named = isObject(one) ? member(one, 'op') : undefined;
    const op = OPERATIONS.find((name) => typeof named === 'string' && name === named.toLowerCase());
    if (!isObject(one) || !op)
      throw new ScimError(
        'invalidSyntax',
        'An operation must be an object whose op is add, replace or remove',
      );
    const path = member(one, 'path');
    const value = member(one, 'value');
    if (isEmpty(path)) return op === 'remove' ? noTarget('remove needs a path') : spread(type, op, value);
    if (typeof path !== 'string') throw new ScimError('invalidPath', 'A path must be a string');
    const place = parsePath(path, type);
    if (!place) return [];
    if (isReadOnly(place)) throw new ScimError('mutability', `${path} cannot be changed`);
    return [{ op, path: place, value }];
  });
}

/** Whether a value of a multi-valued attribute meets a condition on its sub-attributes. */
export function matches(condition: Condition, item: unknown): boolean {
  switch (condition.is) {
    case 'and':
      return condition.terms.every((term) => matches(term, item));
    case 'or':
      return condition.terms.some((term) => matches(term, item));
    case 'not':
      return !matches(condition.term, item);
    case 'some':
      return false;
    case 'present':
      return !isEmpty(part(condition.target.path, item));
    default:
      return compares(condition, part(condition.target.path, item));
  }
}

const part = ([name = '']: readonly string[], item: unknown): unknown => (isObject(item) ? item[name] : item);

function compares(
  { comparator, value, target }: Extract<Condition, { is: 'compare' }>,
  found: unknown,
): boolean {
  if (value === null) return isEmpty(found) === (comparator === 'eq');
  if (isEmpty(found)) return comparator === 'ne';
  const fold = (one: unknown) => (target.kind === 'text' ? String(one).toLowerCase() : String(one));
  const [left, right] = [fold(found), fold(value)];
  const holds: Record<typeof comparator, () => boolean> = {
    eq: () => left === right,
    ne: () => left !== right,
    co: () => left.includes(right),
    sw: () => left.startsWith(right),
    ew: () => left.endsWith(right),
    gt: () => left > right,
    ge: () => left >= right,
    lt: () => left < right,
    le: () => left <= right,
  };
  return holds[comparator]();
}

/** The value that satisfies a filter of equalities; null when it is not determined. */
function templateOf(condition: Condition): Resource | null {
  if (condition.is === 'compare' && condition.comparator === 'eq')
    return condition.value === null ? {} : { [condition.target.path[0] ?? '']: condition.value };
  if (condition.is !== 'and') return null;
  const parts = condition.terms.map(templateOf);
  return parts.includes(null) ? null : Object.assign({}, ...parts);
}

const sameValue = (one: unknown, other: unknown): boolean =>
  isObject(one) && isObject(other) && one['value'] !== undefined
    ? one['value'] === other['value'] && one['type'] === other['type']
    : isDeepStrictEqual(one, other);

/** Whether an element matches a removal: by its `value`, else by all given sub-attributes. */
const isNamed = (item: unknown, named: unknown): boolean => {
  if (!isObject(item) || !isObject(named)) return isDeepStrictEqual(item, named);
  if (named['value'] !== undefined) return item['value'] === named['value'];
  return Object.entries(named).every(([name, value]) => isDeepStrictEqual(item[name], value));
};

/** Only one value is primary: a new one replaces the others (RFC 7644 section 3.5.2). */
function withOnePrimary(items: unknown[], touched: ReadonlySet<unknown>): unknown[] {
  const isPrimary = (item: unknown) => isObject(item) && item['primary'] === true;
  if (items.filter(isPrimary).length < 2) return items;
  return items.map((item) =>
    isPrimary(item) && !touched.has(item) ? { ...(item as Resource), primary: false } : item,
  );
}

function setPart(item: Resource, sub: Attribute, value: unknown): Resource {
  const { [sub.name]: _before, ...rest } = item;
  return value === undefined ? rest : { ...rest, [sub.name]: value };
}

/** The values of a multi-valued attribute after an operation on some of them. */
function changeSome(attribute: Attribute, items: unknown[], { op, path, value }: Operation): unknown[] {
  const { values, sub } = path;
  const isMeant = (item: unknown) => values === null || matches(values, item);
  const parsed = sub ? readValue(sub, value) : readValue({ ...attribute, multiValued: false }, value);
  if (op === 'remove' || parsed === undefined)
    return sub && sub.name !== 'value'
      ? items.map((item) => (isMeant(item) ? setPart(item as Resource, sub, undefined) : item))
      : items.filter((item) => !isMeant(item));
  const change = (item: Resource): Resource =>
    sub ? setPart(item, sub, parsed) : { ...item, ...(parsed as Resource) };
  if (items.some(isMeant)) {
    const changed = items.map((item) => (isMeant(item) ? change(item as Resource) : item));
    return withOnePrimary(changed, new Set(changed.filter((item) => !items.includes(item))));
  }
  const template = values === null ? {} : templateOf(values);
  if (!template) return noTarget(`No value of ${attribute.name} matches`);
  const made = change(template);
  return withOnePrimary([...items, made], new Set([made]));
}

function changeMany(attribute: Attribute, items: unknown[], operation: Operation): unknown[] {
  const { op, path, value } = operation;
  if (path.values !== null || path.sub) return changeSome(attribute, items, operation);
  const parsed = (readValue(attribute, value) ?? []) as unknown[];
  if (op === 'remove')
    return isEmpty(value) ? [] : items.filter((item) => !parsed.some((named) => isNamed(item, named)));
  if (op === 'replace') return parsed;
  const others = items.filter((item) => !parsed.some((one) => sameValue(one, item)));
  return withOnePrimary([...others, ...parsed], new Set(parsed));
}

function changeSingle(attribute: Attribute, before: unknown, { op, path, value }: Operation): unknown {
  const { sub } = path;
  if (sub) {
    const parsed = op === 'remove' ? undefined : readValue(sub, value);
    return setPart(isObject(before) ? before : {}, sub, parsed);
  }
  const parsed = op === 'remove' ? undefined : readValue(attribute, value);
  return isObject(parsed) && isObject(before) ? { ...before, ...parsed } : parsed;
}

const isNothing = (value: unknown): boolean =>
  isEmpty(value) || (isObject(value) && Object.keys(value).length === 0);

function put(container: Resource, name: string, value: unknown): Resource {
  const { [name]: _before, ...rest } = container;
  return isNothing(value) ? rest : { ...rest, [name]: value };
}

function changeIn(container: Resource, attribute: Attribute, operation: Operation): Resource {
  const before = container[attribute.name];
  const after = attribute.multiValued
    ? changeMany(attribute, Array.isArray(before) ? before : [], operation)
    : changeSingle(attribute, before, operation);
  if (isNothing(after) && attribute.required && !attribute.multiValued)
    throw new ScimError('mutability', `${attribute.name} cannot be removed`);
  return put(container, attribute.name, after);
}

/** The resource after an operation. @throws ScimError invalidValue, noTarget, mutability. */
export function applyOperation(type: ResourceType, resource: Resource, operation: Operation): Resource {
  const { extension: urn, attribute } = operation.path;
  const extension = type.extensions.find(({ id }) => id === urn);
  if (!extension) return attribute ? changeIn(resource, attribute, operation) : resource;
  const found = resource[extension.id];
  const inside = isObject(found) ? found : {};
  if (attribute) return put(resource, extension.id, changeIn(inside, attribute, operation));
  if (operation.op === 'remove' || isEmpty(operation.value)) return put(resource, extension.id, undefined);
  return put(resource, extension.id, { ...inside, ...readExtension(extension, operation.value) });
}
