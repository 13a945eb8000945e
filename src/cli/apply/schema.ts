/** The schema of a configuration file. The JSON Schema for editors is generated from it. */
import { z } from 'zod';
import { attributeSchema } from '../../config/attributes.ts';
import { LANGUAGES } from '../../core/languages.ts';
import { TEXTS } from '../../domain/operators/branding.ts';
import { ALL_PERMISSIONS } from '../../domain/operators/permissions.ts';
import { ROLE_NAME } from '../../domain/operators/roles.ts';
import { clientMetadata } from '../../oidc/clients/names.ts';
import { SIGNING_ALGS, TOKEN_TYPE_HEADERS } from '../../core/tokens.ts';

const name = z.string().min(1);
const names = z.array(name);

/** Refers to a secret in the environment or in another file. */
const reference = z
  .union([
    z.strictObject({ env: name.describe('The name of a variable') }),
    z.strictObject({ file: name.describe('A path, from the folder of this file') }),
    z.string().regex(/^(?:env|file):.+$/, 'must be env:NAME or file:path; a secret never stands here'),
  ])
  .describe('Where the secret is: env:NAME or file:path');

const api = z.strictObject({
  identifier: z.url().describe('The audience of its tokens'),
  name: name.optional(),
  scopes: names.optional(),
  access_token_format: z.enum(['jwt', 'opaque']).optional(),
  access_token_ttl: z.int().positive().nullable().optional().describe('Seconds'),
  signing_alg: z.enum(SIGNING_ALGS).optional(),
  token_type_header: z.enum(TOKEN_TYPE_HEADERS).optional(),
  enforce_roles: z.boolean().optional().describe('Whether tokens have what the person’s roles allow alone'),
  dynamic_clients: z
    .boolean()
    .optional()
    .describe('Whether clients that no operator registered may ask for its scopes'),
  default_scopes: z.array(z.string()).optional().describe('What a request without a scope asks for'),
});

const role = z.strictObject({
  name: z.string().regex(ROLE_NAME, 'must be lower-case letters, digits and _ . : -'),
  description: z.string().optional(),
  permissions: z.array(z.enum(ALL_PERMISSIONS)).optional(),
  scopes: z.array(z.strictObject({ api: name, scopes: names })).optional(),
});

const group = z.strictObject({
  name,
  description: z.string().optional(),
  roles: names.optional(),
});

const client = z.strictObject({
  client_id: name,
  name: name.optional(),
  enabled: z.boolean().optional().describe('Whether it gets anything'),
  public: z.boolean().optional().describe('It can keep no secret: an SPA, a mobile or desktop app'),
  client_secret: reference.optional().describe('With which it is made; without one it is given one'),
  roles: names.optional().describe('Of a service account'),
  ...clientMetadata.partial().shape,
});

const upstream = z.strictObject({
  id: name,
  name,
  issuer: z.url().optional(),
  endpoints: z.strictObject({ authorization: z.url(), token: z.url(), userinfo: z.url() }).optional(),
  claims: z
    .strictObject({ subject: name, email: name, emailVerified: name, name, username: name })
    .partial()
    .optional()
    .describe('What it calls the claims'),
  client_id: name,
  client_secret: reference,
  scopes: names.optional(),
  logo: name.optional(),
  trust_email: z.boolean().optional(),
  enabled: z.boolean().optional(),
});

const webhook = z.strictObject({
  url: z.url(),
  description: z.string().optional(),
  event_types: names.optional(),
  enabled: z.boolean().optional(),
  secret: reference.optional().describe('whsec_ and base64; without one it is given one'),
});

const color = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour like #2f5bea');
const image = z.strictObject({ type: name, data: name.describe('Base64') });
const look = z.strictObject({
  name: name.optional(),
  logo: image.optional(),
  logo_dark: image.optional().describe('On dark pages, in place of the logo'),
  colors: z.strictObject({ light: color, dark: color }).partial().optional(),
  texts: z
    .partialRecord(z.enum(LANGUAGES), z.partialRecord(z.enum(TEXTS), name))
    .optional()
    .describe('By language'),
});
const branding = look.extend({ apps: z.record(name, look).optional().describe('By client_id') });

export const configurationFile = z.strictObject({
  $schema: z.string().optional(),
  owner: z
    .string()
    .regex(/^[\w.-]{1,60}$/, 'must be 1 to 60 letters, digits and _ . -')
    .optional()
    .describe('Whose the resources are, where several files manage parts; postern unless given'),
  apis: z.array(api).optional(),
  roles: z.array(role).optional(),
  groups: z.array(group).optional(),
  clients: z.array(client).optional(),
  upstreams: z.array(upstream).optional(),
  webhooks: z.array(webhook).optional(),
  attributes: attributeSchema.optional(),
  branding: branding.optional(),
});

/** The property names allowed at a path, to suggest the right one for a typing error. */
export function namesAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configurationFile;
  for (const part of path) {
    let inner = schema;
    while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap();
    if (inner instanceof z.ZodArray) schema = inner.element;
    else if (inner instanceof z.ZodObject) schema = (inner.shape as Record<PropertyKey, unknown>)[part];
    else return [];
  }
  while (schema instanceof z.ZodOptional) schema = schema.unwrap();
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

export const jsonSchema = (): object =>
  z.toJSONSchema(configurationFile, { io: 'input', unrepresentable: 'any' });
