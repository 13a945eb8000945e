type Json = Record<string, unknown>;

/** An example for each format of JSON Schema that our schemas use. */
const BY_FORMAT: Record<string, string> = {
  'date': '2026-11-27',
  'date-time': '2026-11-27T10:02:00.000Z',
  'email': 'ana@example.com',
  'uri': 'https://app.example.com',
  'uuid': '0b6f3c1e-5d0a-4a3f-9c55-2f3f0f4a1d27',
};

/** Examples for properties that mean the same everywhere. */
const BY_NAME: Record<string, string> = {
  username: 'ana.ruiz',
  email: 'ana@example.com',
  name: 'Ana Ruiz',
  given_name: 'Ana',
  family_name: 'Ruiz',
  nickname: 'Ana',
  birthdate: '1990-05-17',
  zoneinfo: 'Europe/Berlin',
  locale: 'de',
  phone_number: '+493012345678',
  profile: 'https://example.com/ana',
  street_address: 'Lindenstraße 9',
  postal_code: '10969',
  locality: 'Berlin',
  region: 'Berlin',
  country: 'Germany',
  roles: 'support',
  group_roles: 'support',
  picture: 'https://example.com/ana.jpg',
  website: 'https://example.com',
  ip: '203.0.113.9',
  browser: 'Firefox',
  system: 'Linux',
  client_id: '5f2d7a80-4c0b-4a57-8d2f-0f6c1f4f9b3e',
  request_id: 'c1cd3ef1-80ea-4db5-a319-1e85fa4fc673',
  reason: 'Ticket 4711',
  url: 'https://app.example.com',
  issuer: 'https://login.example.org',
  to: 'ana@example.com',
};

/** Builds an object or a list from examples of its parts. @returns undefined when a required part has none. */
function composed(
  { type, properties = {}, required = [], items, minItems = 0 }: Json,
  name: string,
): unknown {
  if (type === 'array') {
    const item = exampleOf((items ?? {}) as Json, name);
    if (item !== undefined) return [item];
    return minItems === 0 ? [] : undefined;
  }
  const example: Json = {};
  for (const [property, schema] of Object.entries(properties as Record<string, Json>)) {
    const value = exampleOf(schema, property);
    if (value !== undefined) example[property] = value;
    else if ((required as string[]).includes(property)) return undefined;
  }
  return example;
}

/** Text without an example of its own. None can be made up for a pattern. */
function textOf({ format, pattern }: Json, name: string): string | undefined {
  if (typeof format === 'string') return BY_FORMAT[format];
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : pattern === undefined ? 'text' : undefined;
}

/**
 * Builds a value of a schema from the examples of its parts. The caller has to validate the whole.
 * @param schema as JSON Schema (draft 2020-12) without references. @param name of the property.
 * @returns undefined when its parts have too few examples.
 */
export function exampleOf(schema: Json, name = ''): unknown {
  const { examples, const: constant, enum: choices, default: byDefault, anyOf } = schema;
  if (Array.isArray(examples)) return examples[0];
  if (constant !== undefined) return constant;
  if (Array.isArray(choices)) return choices[0];
  if (Array.isArray(anyOf)) {
    const all = (anyOf as Json[]).map((one) => exampleOf(one, name)).filter((one) => one !== undefined);
    return all.find((one) => one !== null) ?? all[0];
  }
  const types = [schema['type']].flat();
  if (types[0] === 'object' || types[0] === 'array') return composed(schema, name);
  if (byDefault !== undefined) return byDefault;
  if (types.includes('null') && !Object.hasOwn(BY_NAME, name)) return null;
  if (types[0] === 'boolean') return true;
  if (types[0] === 'integer' || types[0] === 'number') return Math.max(1, Number(schema['minimum'] ?? 1));
  return types[0] === 'string' ? textOf(schema, name) : undefined;
}
