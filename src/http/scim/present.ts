import type { Shown } from '../../domain/scim/index.ts';
import { type Attribute, findAttribute, type ResourceType } from '../../domain/scim/schema.ts';

type Members = Record<string, unknown>;

/** The requested attributes of a reply: names in lower case, without the core schema's URN. */
export interface Wanted {
  /** Null for those returned by default. */
  only: string[] | null;
  without: string[];
}

const namesOf = (value: unknown, { schema }: ResourceType): string[] => {
  const texts = [value].flat().filter((one): one is string => typeof one === 'string');
  const prefix = `${schema.id.toLowerCase()}:`;
  return texts
    .flatMap((text) => text.slice(0, 4_096).toLowerCase().split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
};

/** The selection by `attributes` and `excludedAttributes` (RFC 7644 section 3.9). */
export function wantedOf(input: Members, type: ResourceType): Wanted {
  const only = namesOf(input['attributes'], type);
  return { only: only.length > 0 ? only : null, without: namesOf(input['excludedAttributes'], type) };
}

/** Whether a reply includes an attribute or a part of it. */
export function wants({ only, without }: Wanted, name: string): boolean {
  const lower = name.toLowerCase();
  if (without.includes(lower)) return false;
  return only?.some((one) => one === lower || one.startsWith(`${lower}.`)) ?? true;
}

/** Selects sub-attributes of single-valued and multi-valued attributes alike. */
const inParts = (value: unknown, keep: (name: string) => boolean): unknown => {
  if (Array.isArray(value)) return value.map((one: unknown) => inParts(one, keep));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => keep(name)));
};

function projected(
  members: Members,
  attributes: readonly Attribute[],
  { only, without }: Wanted,
  prefix = '',
): Members {
  const kept = Object.entries(members).flatMap(([name, value]): [string, unknown][] => {
    const full = `${prefix}${name}`.toLowerCase();
    if (findAttribute(attributes, name)?.returned === 'always') return [[name, value]];
    if (without.includes(full)) return [];
    const inner = (part: string) => !without.includes(`${full}.${part.toLowerCase()}`);
    if (only === null || only.includes(full)) return [[name, inParts(value, inner)]];
    if (!only.some((one) => one.startsWith(`${full}.`))) return [];
    const asked = (part: string) => only.includes(`${full}.${part.toLowerCase()}`);
    return [[name, inParts(value, (part) => asked(part) && inner(part))]];
  });
  return Object.fromEntries(kept);
}

/** A resource with its schemas, references and `meta`, limited to the wanted attributes. */
export function presented(type: ResourceType, shown: Shown, wanted: Wanted, base: string): Members {
  const { id, version, createdAt, updatedAt, resource } = shown;
  const { extensions, schema } = type;
  const { members, groups, ...rest } = resource;
  const extended = extensions.filter(({ id: urn }) => rest[urn] !== undefined);
  const core = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !extended.some(({ id: urn }) => urn === name)),
  );
  const refer = (values: unknown, endpoint: string) =>
    (values as Members[]).map((value) => ({
      ...value,
      $ref: `${base}${endpoint}/${String(value['value'])}`,
    }));
  // Large for groups with many members, so return it only on request.
  const named = wanted.only?.includes('members.display') ?? false;
  const withoutDisplay = (values: unknown) =>
    named ? values : (values as Members[]).map(({ display: _display, ...value }) => value);
  const whole: Members = {
    schemas: [schema.id, ...extended.map(({ id: urn }) => urn)],
    id,
    ...core,
    ...(members ? { members: refer(withoutDisplay(members), '/Users') } : {}),
    ...(groups ? { groups: refer(groups, '/Groups') } : {}),
    meta: {
      resourceType: type.name,
      created: createdAt.toISOString(),
      lastModified: updatedAt.toISOString(),
      location: `${base}${type.endpoint}/${id}`,
      version: etagOf(version),
    },
  };
  const reply = projected(whole, type.attributes, wanted);
  for (const { id: name, attributes } of extended) {
    const urn = name.toLowerCase();
    if (wanted.without.includes(urn)) continue;
    const isWhole = wanted.only === null || wanted.only.includes(urn);
    const asked = { only: isWhole ? null : wanted.only, without: wanted.without };
    const extra = projected(resource[name] as Members, attributes, asked, `${urn}:`);
    if (Object.keys(extra).length > 0) reply[name] = extra;
  }
  return reply;
}

/** Weak, because one version can be represented in several ways. */
export const etagOf = (version: number): string => `W/"${version}"`;

/** The versions in If-Match or If-None-Match, weak or not; undefined without the header field. */
export function versionsOf(field: string | undefined): number[] | '*' | undefined {
  const value = field?.trim() ?? '';
  if (value === '') return undefined;
  if (value === '*') return '*';
  return [...value.matchAll(/(?:W\/)?"([^"]*)"/g)].map(([, tag = '']) =>
    /^\d+$/.test(tag) ? Number(tag) : NaN,
  );
}
