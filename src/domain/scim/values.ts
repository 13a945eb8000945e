/** Parses attribute values of requests by the schema. Skips unknown and read-only attributes. */
import { ScimError } from './errors.ts';
import { booleanOf, numberOf } from './expressions.ts';
import { type Attribute, findAttribute, type ResourceType, type Schema } from './schema.ts';

/** A resource, or one value of a complex attribute, under the names of the schema. */
export type Resource = Record<string, unknown>;

const MAX_TEXT_LENGTH = 8_192;
const MAX_VALUES = 50_000;

export const isObject = (value: unknown): value is Resource =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (detail: string): never => {
  throw new ScimError('invalidValue', detail);
};

/** Null, an empty text and an empty list mean no value (RFC 7643 section 2.5). */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

function readText({ name }: Attribute, value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string') return refuse(`${name} must be a string`);
  if (text.length > MAX_TEXT_LENGTH) return refuse(`${name} may have at most ${MAX_TEXT_LENGTH} characters`);
  if (text.includes('\0') || !text.isWellFormed()) return refuse(`${name} has invalid characters`);
  return text;
}

function readNumber({ name, type }: Attribute, value: unknown): number {
  const number = numberOf(value);
  if (number === undefined || (type === 'integer' && !Number.isSafeInteger(number)))
    return refuse(`${name} must be ${type === 'integer' ? 'an integer' : 'a number'}`);
  return number;
}

function readComplex(attribute: Attribute, value: unknown): Resource {
  const { name, subAttributes = [] } = attribute;
  if (isObject(value)) return readMembers(subAttributes, value);
  // Entra ID sends the manager, and others roles, as the bare value.
  const valueAttribute = findAttribute(subAttributes, 'value');
  if (!valueAttribute || typeof value === 'object') return refuse(`${name} must be an object`);
  return { value: readText(valueAttribute, value) };
}

function readOne(attribute: Attribute, value: unknown): unknown {
  if (attribute.type === 'complex') return readComplex(attribute, value);
  if (attribute.type === 'integer' || attribute.type === 'decimal') return readNumber(attribute, value);
  if (attribute.type !== 'boolean') return readText(attribute, value);
  const flag = booleanOf(value);
  return flag ?? refuse(`${attribute.name} must be true or false`);
}

/**
 * The value of an attribute in a request; undefined when absent.
 * @throws ScimError invalidValue for a value of another type.
 */
export function readValue(attribute: Attribute, value: unknown): unknown {
  if (isEmpty(value)) return undefined;
  if (!attribute.multiValued) {
    // A list of one value, which some send for the manager.
    const one = Array.isArray(value) && value.length === 1 ? value[0] : value;
    const read = readOne(attribute, one);
    return isObject(read) && Object.keys(read).length === 0 ? undefined : read;
  }
  const all = Array.isArray(value) ? value : [value];
  if (all.length > MAX_VALUES) return refuse(`${attribute.name} may have at most ${MAX_VALUES} values`);
  const read = all.filter((one) => !isEmpty(one)).map((one) => readOne(attribute, one));
  const values = read.filter((one) => !isObject(one) || Object.keys(one).length > 0);
  if (values.filter((one) => isObject(one) && one['primary'] === true).length > 1)
    return refuse(`Only one of ${attribute.name} may be primary`);
  return values.length > 0 ? values : undefined;
}

function readMembers(attributes: readonly Attribute[], input: Resource): Resource {
  const read: Resource = {};
  for (const [name, value] of Object.entries(input)) {
    const attribute = findAttribute(attributes, name);
    if (!attribute || attribute.mutability === 'readOnly') continue;
    const one = readValue(attribute, value);
    if (one !== undefined) read[attribute.name] = one;
  }
  return read;
}

/**
 * A whole resource from a request.
 * @throws ScimError invalidSyntax, invalidValue.
 */
export function readResource(type: ResourceType, body: unknown): Resource {
  if (!isObject(body)) throw new ScimError('invalidSyntax', 'The body must be an object');
  const resource = readMembers(type.attributes, body);
  for (const extension of type.extensions) {
    const [, input] =
      Object.entries(body).find(([name]) => name.toLowerCase() === extension.id.toLowerCase()) ?? [];
    if (isEmpty(input)) continue;
    const inside = readExtension(extension, input);
    if (Object.keys(inside).length > 0) resource[extension.id] = inside;
  }
  return resource;
}

/** The values of a schema extension in a request. @throws ScimError invalidValue. */
export function readExtension({ attributes }: Schema, input: unknown): Resource {
  return isObject(input) ? readMembers(attributes, input) : refuse('An extension must be an object');
}
