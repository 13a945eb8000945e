// raw-sql: compiles the conditions of SCIM filters; equality of names, ids and addresses uses their indexes.
import { readEmailAddress } from '../core/email-address.ts';
import { isUuid } from '../core/ids.ts';
import { foldCase } from '../core/text.ts';
import {
  ATTRIBUTES_SCHEMA,
  type Comparator,
  type Condition,
  type Target,
  type ValueKind,
} from './directory-conditions.ts';
import { literal, type Parameter, MIN_PART_LENGTH } from './listing.ts';

type Comparison = Extract<Condition, { is: 'compare' }>;

/** SQL that reads the attributes of a kind of resource. It is constant: values are parameters. */
interface Attributes {
  /** SQL of a single-valued attribute, by its dotted path. */
  one: Readonly<Record<string, string>>;
  /** SQL of any other single-valued attribute. */
  other(path: readonly string[]): string;
  /** A query for the values of a multi-valued attribute, each as `item`. */
  many(name: string): string;
  /** SQL of a sub-attribute of such a value. */
  part(attribute: string, name: string): string;
  /** An equality that uses an index. Null where the plain expression does. */
  equal(path: string, value: string | boolean, parameter: Parameter): string | null;
  /** A condition on an index that preselects values containing a text; null without such an index. */
  containing?(path: string, value: string, parameter: Parameter): string | null;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A path in JSON. Names come from the schemas and have no quotes. */
const pathIn = (path: readonly string[]): string => quoted(`{${path.map((name) => `"${name}"`).join(',')}}`);

const emailKey = (value: string): string => readEmailAddress(value.trim())?.key ?? '';

const OPERATORS: Partial<Record<Comparator, string>> = {
  eq: '=',
  ne: 'is distinct from',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
};

const CASTS: Record<ValueKind, (expression: string) => string> = {
  text: (expression) => `lower(${expression})`,
  exact: (expression) => expression,
  // Values that do not fit count as absent: the schema may have changed since they were stored.
  boolean: (expression) => `case (${expression})::text when 'true' then true when 'false' then false end`,
  number: (expression) =>
    String.raw`case when (${expression})::text ~ '^-?\d{1,30}(\.\d{1,30})?$' then (${expression})::numeric end`,
  // With the precision of replies.
  time: (expression) => `date_trunc('milliseconds', ${expression})`,
};

function comparison(expression: string, { target, comparator, value }: Comparison, parameter: Parameter) {
  const { kind } = target;
  if (value === null) return `${expression} is ${comparator === 'eq' ? 'null' : 'not null'}`;
  const left = CASTS[kind](expression);
  const placeholder = parameter(kind === 'time' ? new Date(String(value)) : value);
  const types = { text: 'text', exact: 'text', boolean: 'boolean', time: 'timestamptz', number: 'numeric' };
  const typed = `${placeholder}::${types[kind]}`;
  const right = kind === 'text' ? `lower(${typed})` : typed;
  const operator = OPERATORS[comparator];
  if (operator !== undefined) return `${left} ${operator} ${right}`;
  if (comparator === 'co') return `strpos(${left}, ${right}) > 0`;
  if (comparator === 'sw') return `starts_with(${left}, ${right})`;
  return `right(${left}, length(${right})) = ${right}`;
}

const presence = (expression: string, kind: ValueKind): string =>
  kind === 'text' || kind === 'exact' ? `coalesce(${expression}, '') <> ''` : `${expression} is not null`;

/** The value that one of the ANDed conditions requires; null when none does. */
function valueMeant(condition: Condition): string | null {
  if (condition.is === 'and') return condition.terms.map(valueMeant).find((value) => value !== null) ?? null;
  const isEqual = condition.is === 'compare' && condition.comparator === 'eq';
  return isEqual && condition.target.path.at(-1) === 'value' && typeof condition.value === 'string'
    ? condition.value
    : null;
}

const single = (attributes: Attributes, path: readonly string[]): string =>
  attributes.one[path.join('.')] ?? attributes.other(path);

/** Splits a path into its attribute, with or without the URN of its extension, and the rest. */
const parts = ({ path }: Target): [string, string] =>
  path[0] === ATTRIBUTES_SCHEMA ? [path.join('.'), ''] : [path.at(-2) ?? path[0] ?? '', path.at(-1) ?? ''];

/** The name of a custom attribute, from its dotted path; null for one of another schema. */
const definedName = (path: string): string | null =>
  path.startsWith(`${ATTRIBUTES_SCHEMA}.`) ? path.slice(ATTRIBUTES_SCHEMA.length + 1) : null;

function anyValue(attributes: Attributes, name: string, term: string, narrowed: string | null): string {
  const exists = `exists (select from (${attributes.many(name)}) value (item) where ${term})`;
  return narrowed === null ? exists : `(${narrowed} and ${exists})`;
}

/** Compiles a condition to SQL. */
export function conditionOf(attributes: Attributes, condition: Condition, parameter: Parameter): string {
  /** Inside a multi-valued attribute, conditions are on its sub-attributes. */
  const write = (one: Condition, within: string | null): string => {
    switch (one.is) {
      case 'and':
      case 'or':
        return `(${one.terms.map((term) => write(term, within)).join(` ${one.is} `)})`;
      case 'not':
        return `not coalesce(${write(one.term, within)}, false)`;
      case 'some': {
        const name = one.target.path[0] ?? '';
        const meant = valueMeant(one.term);
        const narrowed = meant === null ? null : attributes.equal(`${name}.value`, meant, parameter);
        return anyValue(attributes, name, write(one.term, name), narrowed);
      }
      default: {
        const { target } = one;
        const test = (expression: string) =>
          one.is === 'present' ? presence(expression, target.kind) : comparison(expression, one, parameter);
        if (within !== null) return test(attributes.part(within, target.path[0] ?? ''));
        if (target.isMany) {
          const [name, part] = parts(target);
          if (one.is === 'present' && target.path.length === 1)
            return anyValue(attributes, name, 'true', null);
          const narrowed = narrow(one);
          return anyValue(attributes, name, test(attributes.part(name, part)), narrowed);
        }
        const narrowed = narrow(one);
        const tested = test(single(attributes, target.path));
        return narrowed === null ? tested : `(${narrowed} and ${tested})`;
      }
    }
  };
  const narrow = (one: Condition): string | null => {
    if (one.is !== 'compare') return null;
    const { target, comparator, value } = one;
    const path = target.path.join('.');
    if (comparator === 'eq' && (typeof value === 'string' || typeof value === 'boolean'))
      return attributes.equal(path, value, parameter);
    const isPart = comparator === 'co' || comparator === 'sw' || comparator === 'ew';
    return isPart && typeof value === 'string' && value.length >= MIN_PART_LENGTH
      ? (attributes.containing?.(path, value, parameter) ?? null)
      : null;
  };
  return write(condition, null);
}

/** Sort key of a list: the first value of a multi-valued attribute. */
export function orderOf(attributes: Attributes, { path, isMany, kind }: Target): string {
  const [name, part] = parts({ path, isMany, kind });
  const expression = isMany
    ? `(select ${attributes.part(name, part)} from (${attributes.many(name)}) value (item) limit 1)`
    : single(attributes, path);
  return CASTS[kind](expression);
}

const text = (name: string): string => (name === '' ? `item #>> '{}'` : `item ->> ${quoted(name)}`);

/** From the directory's entry, else from the account. */
const entryOr = (name: string, column: string): string =>
  `case when e.account_id is null then ${column} else e.attributes ->> ${quoted(name)} end`;

/** A text to search for in a trigram index. */
const like = (value: string, parameter: Parameter): string =>
  `like '%' || lower(${parameter(literal(value))}::text) || '%'`;

/** What the search index contains of an account. */
const SEARCHED = 'user_search_text(u.email, u.username, u.name, u.given_name, u.family_name)';
const IN_SEARCH = new Set(['displayName', 'name.givenName', 'name.familyName']);

const USER_NAME = 'coalesce(e.user_name, u.username, u.email)';

/** `u` is the account, `e` its entry, if it has one. */
export const USER_ATTRIBUTES: Attributes = {
  one: {
    'id': 'u.id::text',
    'externalId': 'u.external_id',
    'userName': USER_NAME,
    'displayName': 'u.name',
    'name': `coalesce(u.given_name, u.family_name, u.middle_name, e.attributes ->> 'name')`,
    'name.givenName': 'u.given_name',
    'name.familyName': 'u.family_name',
    'name.middleName': 'u.middle_name',
    'nickName': 'u.nickname',
    'active': `(u.status = 'active')`,
    'preferredLanguage': entryOr('preferredLanguage', 'u.locale'),
    'timezone': entryOr('timezone', 'u.zoneinfo'),
    'meta': `'User'::text`,
    'meta.resourceType': `'User'::text`,
    'meta.created': 'u.created_at',
    'meta.lastModified': 'u.updated_at',
    'meta.version': `('W/"' || u.version || '"')`,
    'meta.location': 'u.id::text',
  },
  other: (path) =>
    path[0] === ATTRIBUTES_SCHEMA
      ? `u.attributes #>> ${pathIn(path.slice(1))}`
      : `e.attributes #>> ${pathIn(path)}`,
  many(name) {
    if (name === 'emails')
      return `select item from jsonb_array_elements(coalesce(e.attributes -> 'emails', '[{"type": "work", "primary": true}]')) item`;
    if (name === 'roles')
      return `select jsonb_build_object('value', role) from unnest(u.roles) role where role <> 'user'`;
    if (name === 'groups')
      return `select jsonb_build_object('value', g.id, 'display', g.name, 'type', 'direct')
        from group_members m join groups g on g.id = m.group_id where m.account_id = u.id`;
    if (name === 'schemas')
      return `select to_jsonb(urn) from unnest(array['urn:ietf:params:scim:schemas:core:2.0:User']) urn
        union all select to_jsonb(urn) from jsonb_object_keys(e.attributes) urn where urn like 'urn:%'
        union all select to_jsonb(${quoted(ATTRIBUTES_SCHEMA)}::text) where u.attributes <> '{}'`;
    const defined = definedName(name);
    const values =
      defined === null ? `e.attributes -> ${quoted(name)}` : `u.attributes -> ${quoted(defined)}`;
    return `select item from jsonb_array_elements(case when jsonb_typeof(${values}) = 'array' then ${values} else '[]' end) item`;
  },
  part: (attribute, name) =>
    attribute === 'schemas'
      ? text('')
      : attribute === 'emails' && name === 'value'
        ? `coalesce(item ->> 'value', u.email)`
        : text(name),
  containing(path, value, parameter) {
    if (IN_SEARCH.has(path)) return `${SEARCHED} ${like(value, parameter)}`;
    if (path !== 'userName') return null;
    return `u.id in (select account_id from directory_entries where lower(user_name) ${like(value, parameter)}
      union all select u.id from users u where ${SEARCHED} ${like(value, parameter)})`;
  },
  equal(path, value, parameter) {
    // Few accounts are inactive, and an index contains them.
    if (path === 'active') return value === false ? `u.status = 'suspended'` : null;
    if (typeof value === 'boolean') return null;
    if (path === 'id') return `u.id = ${parameter(isUuid(value) ? value : null)}::uuid`;
    if (path === 'userName') {
      const key = parameter(foldCase(value));
      return `u.id in (select account_id from directory_entries where user_name_key = ${key}
        union all select id from users where username_key = ${key}
        union all select id from users where email_key = ${parameter(emailKey(value))})`;
    }
    if (path === 'emails.value') {
      const key = parameter(emailKey(value));
      return `u.id in (select id from users where email_key = ${key}
        union all select account_id from directory_entries where email_keys @> array[${key}])`;
    }
    const defined = definedName(path);
    if (defined !== null)
      return `(u.attributes <> '{}' and (u.attributes @> ${parameter(JSON.stringify({ [defined]: value }))}::jsonb
        or u.attributes @> ${parameter(JSON.stringify({ [defined]: [value] }))}::jsonb))`;
    if (path === 'groups.value')
      return `u.id in (select account_id from group_members where group_id = ${parameter(isUuid(value) ? value : null)}::uuid)`;
    return null;
  },
};

/** `g` is the group. */
export const GROUP_ATTRIBUTES: Attributes = {
  one: {
    'id': 'g.id::text',
    'externalId': 'g.external_id',
    'displayName': 'g.name',
    'meta': `'Group'::text`,
    'meta.resourceType': `'Group'::text`,
    'meta.created': 'g.created_at',
    'meta.lastModified': 'g.updated_at',
    'meta.version': `('W/"' || g.version || '"')`,
    'meta.location': 'g.id::text',
  },
  other: () => 'null::text',
  many: (name) =>
    name === 'members'
      ? `select jsonb_build_object('value', m.account_id, 'type', 'User', 'display', coalesce(a.name, a.email))
        from group_members m join users a on a.id = m.account_id where m.group_id = g.id and a.status <> 'deleted'`
      : `select to_jsonb('urn:ietf:params:scim:schemas:core:2.0:Group'::text)`,
  part: (attribute, name) => text(attribute === 'schemas' ? '' : name),
  equal(path, value, parameter) {
    if (typeof value === 'boolean') return null;
    const id = () => `${parameter(isUuid(value) ? value : null)}::uuid`;
    if (path === 'id') return `g.id = ${id()}`;
    if (path === 'displayName') return `g.name_key = ${parameter(foldCase(value))}`;
    if (path === 'members.value')
      return `g.id in (select group_id from group_members where account_id = ${id()})`;
    return null;
  },
};
