import { isUuid } from '../../../core/ids.ts';
import { RECORD_FIELDS, type RawRecord } from '../record.ts';
import { flagOf, ImportUsage, isRecord, jsonOf, timeOf } from './values.ts';

/** Where a field comes from: a column, and the meaning of its values. */
interface Origin {
  column: string;
  values?: Record<string, unknown>;
  /** The column has the field's name and no explicit mapping. */
  isNamesake?: true;
}

/** Fields and where they come from; `attributes.x` is an attribute. */
export type Mapping = ReadonlyMap<string, Origin>;

const isField = (name: string): boolean => RECORD_FIELDS.has(name) || /^attributes\..+/.test(name);

/**
 * A mapping from a file (`{field: column}` or `{field: {column, values}}`) and from options (`field=column`), which take
 * precedence.
 * @throws ImportUsage.
 */
export function readMapping(file: Record<string, unknown>, options: readonly string[]): Mapping {
  const mapping = new Map<string, Origin>();
  const add = (field: string, origin: Origin): void => {
    if (!isField(field))
      throw new ImportUsage(
        `there is no field ${field} to map to; use one of ${[...RECORD_FIELDS].join(', ')}, attributes.<name>`,
      );
    mapping.set(field, origin);
  };
  for (const [field, value] of Object.entries(file)) {
    const origin = typeof value === 'string' ? { column: value } : value;
    if (!isRecord(origin) || typeof origin['column'] !== 'string')
      throw new ImportUsage(`the mapping of ${field} must be a column, or {"column": …, "values": {…}}`);
    add(field, {
      column: origin['column'],
      ...(isRecord(origin['values']) && { values: origin['values'] }),
    });
  }
  for (const option of options) {
    const at = option.indexOf('=');
    if (at < 1) throw new ImportUsage(`--map must be field=column, not ${option}`);
    add(option.slice(0, at), { column: option.slice(at + 1) });
  }
  return mapping;
}

/**
 * The mapping of a table with `columns`: columns named like fields map to them, unless the mapping says otherwise.
 * @throws ImportUsage for an unknown column, and for unmapped ones when there is no mapping.
 */
export function mappingFor(columns: readonly string[], mapping: Mapping): Mapping {
  for (const { column } of mapping.values())
    if (!columns.includes(column))
      throw new ImportUsage(`there is no column ${column}: the columns are ${columns.join(', ')}`);
  const unknown = columns.filter((column) => !isField(column));
  if (mapping.size === 0 && unknown.length > 0)
    throw new ImportUsage(
      `there are no fields ${unknown.join(', ')}: map the columns with --map field=column or --mapping; columns without a mapping are then left out`,
    );
  const used = new Set([...mapping.values()].map(({ column }) => column));
  const same = columns
    .filter((column) => isField(column) && !used.has(column))
    .map((column): [string, Origin] => [column, { column, isNamesake: true }]);
  return new Map([...same, ...mapping]);
}

const TIMES = new Set([
  'created_at',
  'last_login_at',
  'password_changed_at',
  'email_verified_at',
  'phone_number_verified_at',
]);
const LISTS = new Set(['roles', 'groups', 'recovery_codes']);
const JSON_FIELDS = new Set(['identities', 'attributes', 'totp', 'password_hash_params', 'address']);

/** A list as JSON, in PostgreSQL's form, or separated by commas or semicolons. */
function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const json = jsonOf(value);
  if (Array.isArray(json)) return json;
  return value
    .replace(/^\{(.*)\}$/s, '$1')
    .split(/[,;]/)
    .map((one) => one.trim().replace(/^"(.*)"$/s, '$1'))
    .filter((one) => one !== '');
}

function valueOf(field: string, value: unknown): unknown {
  if (TIMES.has(field)) return timeOf(value);
  if (field === 'email_verified') return flagOf(value) ?? value;
  if (LISTS.has(field)) return listOf(value);
  if (JSON_FIELDS.has(field)) return jsonOf(value) ?? value;
  if (field === 'number' || field.startsWith('attributes.')) return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
}

/** The meaning of a column named `id`: a UUID, a number to keep, or the source's own id. */
function namesakeId(cell: unknown): RawRecord {
  if (isUuid(cell)) return { id: cell };
  const text = typeof cell === 'number' ? String(cell) : cell;
  return typeof text === 'string' && /^\d+$/.test(text)
    ? { number: text, source_id: text }
    : { source_id: text };
}

/** Turns a row of a table into a record. */
export function mapped(row: Record<string, unknown>, mapping: Mapping): RawRecord {
  const record: RawRecord = {};
  const attributes: Record<string, unknown> = {};
  for (const [field, { column, values, isNamesake }] of mapping) {
    const cell = row[column];
    if (cell === null || cell === undefined || cell === '') continue;
    if (field === 'id' && isNamesake) {
      Object.assign(record, { ...namesakeId(cell), ...record });
      continue;
    }
    const meant = values?.[typeof cell === 'string' ? cell : JSON.stringify(cell)] ?? cell;
    const value = valueOf(field, meant);
    if (field.startsWith('attributes.')) attributes[field.slice('attributes.'.length)] = value;
    else if (value !== undefined) record[field] = value;
  }
  if (Object.keys(attributes).length > 0)
    record['attributes'] = { ...(isRecord(record['attributes']) ? record['attributes'] : {}), ...attributes };
  return record;
}
