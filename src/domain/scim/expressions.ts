/**
 * Filters and paths of SCIM (RFC 7644 sections 3.4.2.2 and 3.5.2), parsed against the schema of a resource: results name only
 * known attributes. Length, depth and the number of terms are bounded.
 */
import type { Comparator, Condition, Target, ValueKind } from '../../storage/directory-conditions.ts';
import { ScimError } from './errors.ts';
import { type Attribute, findAttribute, type ResourceType } from './schema.ts';

const MAX_LENGTH = 4_096;
const MAX_TERMS = 100;
const MAX_DEPTH = 16;

/** The target of a PATCH operation. */
export interface Path {
  /** The URN of its extension, or null; alone when `attribute` is null. */
  extension: string | null;
  attribute: Attribute | null;
  /** Which values of a multi-valued attribute. */
  values: Condition | null;
  sub: Attribute | null;
}

type Token = { text: string; is: 'word' | 'string' | 'punctuation' };

const COMPARATORS = new Set<string>(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);
const isComparator = (word: string): word is Comparator => COMPARATORS.has(word);
const TOKEN = /\s*(?:([()[\]])|("(?:[^"\\]|\\.)*")|([^\s()[\]"]+))/uy;

const refuse = (detail: string): never => {
  throw new ScimError('invalidFilter', detail);
};

function tokensOf(text: string): Token[] {
  if (text.length > MAX_LENGTH) return refuse(`A filter may have at most ${MAX_LENGTH} characters`);
  const tokens: Token[] = [];
  const { length } = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < length) {
    const at = TOKEN.lastIndex;
    const [, punctuation, string, word] = TOKEN.exec(text) ?? [];
    if (punctuation !== undefined) tokens.push({ is: 'punctuation', text: punctuation });
    else if (string !== undefined) tokens.push({ is: 'string', text: string });
    else if (word !== undefined) tokens.push({ is: 'word', text: word });
    else return refuse(`Syntax error at character ${at + 1}`);
  }
  return tokens;
}

const kindOf = ({ type, caseExact }: Attribute): ValueKind => {
  if (type === 'boolean') return 'boolean';
  if (type === 'integer' || type === 'decimal') return 'number';
  if (type === 'dateTime') return 'time';
  return caseExact || type === 'reference' ? 'exact' : 'text';
};

/** The operands of a comparison: the attribute itself, or its values. */
const leafOf = (attribute: Attribute): Attribute | undefined =>
  attribute.subAttributes ? findAttribute(attribute.subAttributes, 'value') : attribute;

interface Named {
  extension: string | null;
  attribute: Attribute;
  sub: Attribute | null;
}

/**
 * The attribute of a dotted name, with or without the URN of its schema.
 * @returns null for an unknown attribute.
 */
export function resolve(type: ResourceType, name: string): Named | null {
  const { schema, extensions } = type;
  const lower = name.toLowerCase();
  const inside = (urn: string) => lower.startsWith(`${urn.toLowerCase()}:`);
  const extension = extensions.find(({ id }) => inside(id));
  let attributes = type.attributes;
  let rest = name;
  let of: string | null = null;
  if (inside(schema.id)) rest = name.slice(schema.id.length + 1);
  else if (extension) {
    rest = name.slice(extension.id.length + 1);
    attributes = extension.attributes;
    of = extension.id;
  }
  const [first = '', second, ...more] = rest.split('.');
  const attribute = findAttribute(attributes, first);
  if (!attribute || more.length > 0) return null;
  if (second === undefined) return { extension: of, attribute, sub: null };
  const sub = findAttribute(attribute.subAttributes ?? [], second);
  return sub ? { extension: of, attribute, sub } : null;
}

/** Where the database looks for an attribute. */
export function targetOf({ extension, attribute, sub }: Named): Target | null {
  const leaf = sub ?? leafOf(attribute);
  if (leaf?.returned === 'never') return null;
  const names = sub ? [attribute.name, sub.name] : [attribute.name];
  if (!sub && leaf && leaf !== attribute) names.push(leaf.name);
  return {
    path: extension === null ? names : [extension, ...names],
    isMany: attribute.multiValued,
    kind: leaf ? kindOf(leaf) : 'text',
  };
}

/** The names that a parser accepts: those of a resource, or of one value of an attribute. */
type Lookup = (name: string) => Named | null;

class Parser {
  readonly #tokens: Token[];
  readonly #lookup: Lookup;
  #at = 0;
  #terms = 0;
  #depth = 0;

  constructor(tokens: Token[], lookup: Lookup) {
    this.#tokens = tokens;
    this.#lookup = lookup;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #take(text?: string): Token {
    const token = this.#peek();
    if (!token) return refuse('The filter is incomplete');
    if (text !== undefined && !this.#is(text)) return refuse(`Expected ${text} instead of ${token.text}`);
    this.#at += 1;
    return token;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token !== undefined && token.is !== 'string' && token.text.toLowerCase() === text;
  }

  #deeper<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) return refuse(`A filter may nest at most ${MAX_DEPTH} deep`);
    const result = read();
    this.#depth -= 1;
    return result;
  }

  /** `and` binds closer than `or` (RFC 7644 section 3.4.2.2). */
  any(lookup: Lookup = this.#lookup): Condition {
    return this.#joined('or', () => this.#joined('and', () => this.#term(lookup)));
  }

  #joined(is: 'and' | 'or', read: () => Condition): Condition {
    const terms = [read()];
    while (this.#is(is)) {
      this.#at += 1;
      terms.push(read());
    }
    return terms.length === 1 ? terms[0]! : { is, terms };
  }

  #term(lookup: Lookup): Condition {
    this.#terms += 1;
    if (this.#terms > MAX_TERMS) return refuse(`A filter may have at most ${MAX_TERMS} terms`);
    if (this.#is('not')) {
      this.#at += 1;
      return { is: 'not', term: this.#grouped(lookup) };
    }
    if (this.#is('(')) return this.#grouped(lookup);
    return this.#attribute(lookup);
  }

  #grouped(lookup: Lookup): Condition {
    this.#take('(');
    const term = this.#deeper(() => this.any(lookup));
    this.#take(')');
    return term;
  }

  #attribute(lookup: Lookup): Condition {
    const { is, text } = this.#take();
    const named = is === 'word' ? lookup(text) : null;
    if (!named) return refuse(`There is no attribute ${text}`);
    if (this.#is('[')) return this.#values(named);
    const target = targetOf(named);
    if (!target) return refuse(`${text} cannot be used in a filter`);
    return this.#comparison(target, named.sub ?? named.attribute);
  }

  /** `emails[type eq "work"]`, and Entra ID's variant: `emails[type eq "work"].value eq "…"`. */
  #values(named: Named): Condition {
    const { attribute } = named;
    const target = targetOf(named);
    if (!attribute.multiValued || !attribute.subAttributes || named.sub || !target)
      return refuse(`${attribute.name} is not multi-valued`);
    const inner = valueLookup(attribute);
    this.#take('[');
    const term = this.#deeper(() => this.any(inner));
    this.#take(']');
    const after = this.#peek();
    if (after?.is !== 'word' || !after.text.startsWith('.')) return { is: 'some', target, term };
    this.#at += 1;
    const sub = inner(after.text.slice(1));
    const relative = sub && targetOf(sub);
    if (!relative) return refuse(`There is no attribute ${attribute.name}${after.text}`);
    return {
      is: 'some',
      target,
      term: { is: 'and', terms: [term, this.#comparison(relative, sub.attribute)] },
    };
  }

  #comparison(target: Target, attribute: Attribute): Condition {
    const operator = this.#take().text.toLowerCase();
    if (operator === 'pr') return { is: 'present', target };
    if (!isComparator(operator)) return refuse(`There is no operator ${operator}`);
    if (attribute.type === 'complex' && !leafOf(attribute))
      return refuse(`${attribute.name} is complex: compare one of its sub-attributes`);
    const value = literal(this.#take(), target.kind);
    if (target.kind === 'boolean' && operator !== 'eq' && operator !== 'ne')
      return refuse(`${attribute.name} is a boolean: use eq or ne`);
    if (value === null && operator !== 'eq' && operator !== 'ne')
      return refuse('null can only be compared by eq and ne');
    const isWhole = target.kind === 'time' || target.kind === 'number';
    if (isWhole && (operator === 'co' || operator === 'sw' || operator === 'ew'))
      return refuse(`${attribute.name} has no sub-attributes`);
    return { is: 'compare', target, comparator: operator, value };
  }
}

/** Names inside the brackets of an attribute. */
const valueLookup =
  ({ subAttributes = [] }: Attribute): Lookup =>
  (name) => {
    const attribute = findAttribute(subAttributes, name);
    return attribute ? { extension: null, attribute, sub: null } : null;
  };

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$/i;

/** Booleans come as strings too: Entra ID writes `primary eq "True"`. */
function literal({ is, text }: Token, kind: ValueKind): string | number | boolean | null {
  let value: unknown;
  try {
    value = JSON.parse(is === 'string' ? text : text.toLowerCase());
  } catch {
    return refuse(`${text} is not a value`);
  }
  if (value === null) return null;
  if (kind === 'boolean') {
    const flag = booleanOf(value);
    return flag ?? refuse(`${text} is neither true nor false`);
  }
  if (kind === 'number') return numberOf(value) ?? refuse(`${text} is not a number`);
  const written = typeof value === 'string' ? value : JSON.stringify(value);
  if (written.includes('\0')) return refuse('A value must not contain NUL');
  if (kind === 'time' && !(TIME.test(written) && !Number.isNaN(Date.parse(written))))
    return refuse(`${text} is not a time`);
  return written;
}

/** True and false, also as the strings that Entra ID sends; undefined for anything else. */
export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const lower = value.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

/** A number, also as text; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,20}(\.\d{1,20})?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** @throws ScimError invalidFilter. */
export function parseFilter(text: string, type: ResourceType): Condition {
  const parser = new Parser(tokensOf(text), (name) => resolve(type, name));
  const condition = parser.any();
  if (!parser.isAtEnd) return refuse('Unexpected text after the end of the filter');
  return condition;
}

const PATH = /^([^[\]"\s]+)(?:\[(.*)\](?:\.([^[\]".\s]+))?)?$/su;

/**
 * @returns null for a path in an unknown schema: directories also send those of other services.
 * @throws ScimError invalidPath, invalidFilter.
 */
export function parsePath(text: string, type: ResourceType): Path | null {
  const invalid = (detail: string): never => {
    throw new ScimError('invalidPath', detail);
  };
  const trimmed = text.length > MAX_LENGTH ? '' : text.trim();
  const [, name, filter, subName] = PATH.exec(trimmed) ?? [];
  if (name === undefined) return invalid('The path is invalid');
  const { extensions, schema } = type;
  const lower = name.toLowerCase();
  const whole = extensions.find(({ id }) => id.toLowerCase() === lower);
  if (whole) return { extension: whole.id, attribute: null, values: null, sub: null };
  const named = resolve(type, name);
  if (!named) {
    const isOurs = [schema, ...extensions].some(({ id }) => lower.startsWith(id.toLowerCase()));
    const isForeign = lower.startsWith('urn:') && !isOurs;
    return isForeign ? null : invalid(`There is no attribute ${name}`);
  }
  if (filter === undefined) return { ...named, values: null };
  const { attribute } = named;
  if (!attribute.multiValued || !attribute.subAttributes || named.sub)
    return invalid(`${attribute.name} is not multi-valued`);
  const parser = new Parser(tokensOf(filter), valueLookup(attribute));
  const values = parser.any();
  if (!parser.isAtEnd) return refuse('Unexpected text after the end of the filter');
  const sub = subName === undefined ? null : findAttribute(attribute.subAttributes, subName);
  return sub === undefined
    ? invalid(`There is no attribute ${attribute.name}.${subName}`)
    : { ...named, values, sub };
}
