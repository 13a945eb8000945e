import { merged, type Schema } from './document.ts';
import { partsOf, plain } from './recognise.ts';

const quoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', ' ').replaceAll('\r', ' ').replaceAll('\u2028', ' ').replaceAll('\u2029', ' ')}'`;
export { quoted };

/** A property name as TypeScript. */
export const keyOf = (name: string): string =>
  name === '__proto__' ? `['__proto__']` : /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);

export const indent = (text: string): string => text.replaceAll(/\n(?!\n|$)/g, '\n  ');

export const typeOf = ({
  type,
  properties,
  items,
  nullable,
}: Schema): { type: string | undefined; isNullable: boolean } => {
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  const real = types.find((one) => one !== 'null');
  return {
    type: real ?? (properties ? 'object' : items ? 'array' : undefined),
    isNullable: nullable === true || types.includes('null'),
  };
};

const plainText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const literal = (value: unknown): string =>
  typeof value === 'string' ? quoted(value) : JSON.stringify(value);

function choiceOf(values: unknown[]): string {
  const real = values.filter((value) => value !== null);
  if (real.length > 0 && real.every((value) => typeof value === 'string'))
    return `z.enum([${real.map((value) => quoted(value)).join(', ')}])`;
  const literals = real.map((value) => `z.literal(${literal(value)})`);
  return literals.length === 1 ? literals[0]! : `z.union([${literals.join(', ')}])`;
}

/** The strict schema of a reply or a part of it. */
export function replySource(schema: Schema): string {
  const { type, isNullable } = typeOf(schema);
  const end = isNullable ? '.nullable()' : '';
  const { const: only, enum: values, items, properties = {}, required = [], additionalProperties } = schema;
  if (only !== undefined) return `z.literal(${literal(only)})${end}`;
  if (values && values.length > 0) return `${choiceOf(values)}${end}`;
  if (type === 'array') return `z.array(${items ? replySource(merged(items)) : 'z.unknown()'})${end}`;
  if (type === 'object') {
    const names = Object.keys(properties);
    if (names.length === 0 && additionalProperties !== false)
      return `z.record(z.string(), z.unknown())${end}`;
    const fields = names.map((name) => {
      const optional = required.includes(name) ? '' : '.optional()';
      return `  ${keyOf(name)}: ${indent(replySource(merged(properties[name]!)))}${optional},\n`;
    });
    return `z.strictObject({\n${fields.join('')}})${end}`;
  }
  const simple: Record<string, string> = {
    string: 'z.string()',
    integer: 'z.int()',
    number: 'z.number()',
    boolean: 'z.boolean()',
  };
  return `${simple[type ?? ''] ?? 'z.unknown()'}${end}`;
}

/** The schema of a request. The domain decides on passwords and names. */
export function requestSource(body: Schema, isNew: boolean): string {
  const parts = new Map([...partsOf(body)].map(([part, name]) => [name, part]));
  const fields = Object.entries(body.properties ?? {}).map(([name, property]) => {
    const schema = merged(property);
    const description = quoted(schema.description ?? name);
    const part = parts.get(name);
    const isRequired = body.required?.includes(name) ?? false;
    const source =
      part === 'newPassword' || (part === 'password' && isNew)
        ? `newPassword(${description})`
        : part === 'password' || part === 'currentPassword' || part === 'repeated' || part === 'otp'
          ? `secret(${description})`
          : part === 'email'
            ? `text(${description}, EMAIL_FORM)`
            : part === 'username' && isNew
              ? `text(${description}, USERNAME_FORM)`
              : typeOf(schema).type === 'string' && !schema.enum && schema.const === undefined
                ? `text(${description})${typeOf(schema).isNullable ? '.nullable()' : ''}`
                : replySource(schema).replaceAll('z.strictObject(', 'z.object(');
    return `  ${keyOf(name)}: ${indent(source)}${isRequired ? '' : '.optional()'},\n`;
  });
  return `z.object({\n${fields.join('')}})`;
}

/** The data that a presenter can use. */
export interface Known {
  user: boolean;
  tokens: boolean;
}

export interface Presented {
  code: string;
  /** Fields without a known value. */
  missing: string[];
  uses: Set<'user' | 'tokens'>;
}

type Rule = [RegExp, (schema: Schema, name: string) => string | null, 'user' | 'tokens' | null];

const isText = (schema: Schema) => typeOf(schema).type === 'string' || typeOf(schema).type === undefined;
const isNumber = (schema: Schema) => /^(integer|number)$/.test(typeOf(schema).type ?? '');
const time = (of: string) => (schema: Schema) =>
  isText(schema) ? `${of}.toISOString()` : isNumber(schema) ? `Math.floor(${of}.getTime() / 1000)` : null;
const orNull = (code: string, otherwise: string) => (schema: Schema) =>
  isText(schema) ? (typeOf(schema).isNullable ? code : `${code} ?? ${otherwise}`) : null;
const truth = (code: string) => (schema: Schema) => (typeOf(schema).type === 'boolean' ? code : null);
const roleCode = (schema: Schema) => {
  const values = schema.enum ?? ['admin', 'user'];
  return isText(schema) && ['admin', 'user'].every((value) => values.includes(value))
    ? `rolesOf(user).includes('admin') ? 'admin' : 'user'`
    : null;
};
const sentence = (schema: Schema) => {
  const example = schema.const ?? schema.enum?.[0] ?? schema.example ?? schema.default;
  return isText(schema) ? quoted(typeof example === 'string' ? example : 'OK') : null;
};

const RULES: Rule[] = [
  [
    /^(_?id|userid|uuid|sub|uid|accountid)$/,
    (schema) => (isText(schema) ? 'user.id' : isNumber(schema) ? 'user.number' : null),
    'user',
  ],
  [/^e?mail(address)?$/, (schema) => (isText(schema) ? 'user.email' : null), 'user'],
  [
    /^((user|login|nick)name|login|handle|loginid)$/,
    (schema) => (isText(schema) ? 'usernameOf(user)' : null),
    'user',
  ],
  [/^(name|fullname|displayname)$/, orNull('user.name', 'usernameOf(user)'), 'user'],
  [/^(first|given)name$/, orNull('user.givenName', `''`), 'user'],
  [/^(last|family|sur)name$/, orNull('user.familyName', `''`), 'user'],
  [
    /^(created|registered|joined|signup|registration)(at|on|date|time)?$|^date(created|joined)$/,
    time('user.createdAt'),
    'user',
  ],
  [/^(updated|modified|lastmodified)(at|on|date)?$/, time('user.updatedAt'), 'user'],
  [/^(is)?(active|enabled)$/, truth(`user.status === 'active'`), 'user'],
  [/^(is)?(disabled|suspended|blocked|banned|locked)$/, truth(`user.status !== 'active'`), 'user'],
  [
    /^(is)?(email)?(verified|confirmed)$|^email(is)?(verified|confirmed)$/,
    truth('user.emailVerifiedAt !== null'),
    'user',
  ],
  [/^(is)?(admin|superuser|staff|administrator)$/, truth(`rolesOf(user).includes('admin')`), 'user'],
  [/^(user)?role$/, roleCode, 'user'],
  [/^roles$/, (schema) => (typeOf(schema).type === 'array' ? 'rolesOf(user)' : null), 'user'],
  [/^refresh(token|jwt)?$/, (schema) => (isText(schema) ? 'tokens.refreshToken' : null), 'tokens'],
  [
    /^tokentype$/,
    (schema) =>
      isText(schema)
        ? quoted(plainText(schema.const ?? schema.enum?.[0] ?? schema.example ?? schema.default ?? 'bearer'))
        : null,
    null,
  ],
  [
    /^(access|auth|bearer)?(token|jwt)$|^access$|^card$/,
    (schema) => (isText(schema) ? 'tokens.accessToken' : null),
    'tokens',
  ],
  [
    /^(accesstoken)?expiresin$|^expiry$/,
    (schema) =>
      isNumber(schema) ? 'Math.max(0, Math.round((tokens.expiresAt.getTime() - Date.now()) / 1000))' : null,
    'tokens',
  ],
  [/^(accesstoken)?expires(at|on)?$|^expiration$|^exp$/, time('tokens.expiresAt'), 'tokens'],
  [/^(message|msg|detail|info|description|status|result|state)$/, sentence, null],
  [/^(issued|iat)(at|on)?$/, time('new Date()'), null],
  [/^(phone|mobile)(number)?$/, orNull('user.phoneNumber', `''`), 'user'],
  [/^(avatar|picture|photo)(url)?$/, orNull('user.picture', `''`), 'user'],
  [/^(locale|language|lang)$/, orNull('user.locale', `'en'`), 'user'],
  [/^(success|ok|succeeded|valid|isvalid)$/, truth('true'), null],
  [/^(error|errors|errormessage)$/, (schema) => (typeOf(schema).isNullable ? 'null' : null), null],
];

/** Expressions for the refresh token in place of those for the access token. */
const OF_REFRESH: Record<string, string> = {
  'tokens.accessToken': 'tokens.refreshToken',
  'tokens.expiresAt.toISOString()': 'new Date(Date.now() + DEFAULT_LIFETIMES.refresh * 1000).toISOString()',
  'Math.floor(tokens.expiresAt.getTime() / 1000)':
    'Math.floor(Date.now() / 1000) + DEFAULT_LIFETIMES.refresh',
};

/** Whether a dotted path lies within the refresh token's object. */
export const isWithinRefresh = (path: string): boolean =>
  path.split('.').some((part) => /^refresh(token|jwt)?$/.test(plain(part)));

/** Generates the code of a reply, with Postern's data at the recognized places. */
export function present(schema: Schema, known: Known, path = ''): Presented {
  const whole = merged(schema);
  const uses = new Set<'user' | 'tokens'>();
  const missing: string[] = [];
  if (typeOf(whole).type !== 'object' || !whole.properties)
    return { code: 'undefined as never', missing: [path || 'the reply itself'], uses };
  const fields = Object.entries(whole.properties).map(([name, property]): string => {
    const part = merged(property);
    const at = path === '' ? name : `${path}.${name}`;
    const rule = RULES.find(([form, code]) => form.test(plain(name)) && code(part, name) !== null);
    const source = rule?.[2] ?? null;
    if (rule && (source === null || known[source])) {
      if (source) uses.add(source);
      const code = rule[1](part, name) ?? '';
      const mapped = isWithinRefresh(path) ? (OF_REFRESH[code] ?? code) : code;
      return mapped === name ? `  ${name},\n` : `  ${keyOf(name)}: ${mapped},\n`;
    }
    const isRequired = whole.required?.includes(name) ?? false;
    if (typeOf(part).type === 'object' && part.properties) {
      const inner = present(part, known, at);
      if (inner.missing.length === 0 || isRequired) {
        missing.push(...inner.missing);
        for (const one of inner.uses) uses.add(one);
        return `  ${keyOf(name)}: ${indent(inner.code)},\n`;
      }
    }
    if (!isRequired) return '';
    if (typeOf(part).isNullable) return `  ${keyOf(name)}: null,\n`;
    if (part.const !== undefined) return `  ${keyOf(name)}: ${literal(part.const)},\n`;
    missing.push(at);
    return `  ${keyOf(name)}: undefined as never,\n`;
  });
  return { code: `{\n${fields.join('')}}`, missing, uses };
}
