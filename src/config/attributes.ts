import { z } from 'zod';
import { PERSON_CLAIMS, TOKEN_CLAIMS } from '../core/claims.ts';
import { LANGUAGES } from '../core/languages.ts';

/** Who may read or change an attribute: the account's owner, or operators. */
const party = z.enum(['person', 'operator']);
export type Party = z.infer<typeof party>;

/**
 * A scope that releases an attribute as a claim: a standard one or a custom one. It has no colon, which marks the
 * scopes of Postern's own API. `offline_access` releases no claims, and `constructor` is not safe as an object key.
 */
const scope = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'must be lower-case letters, digits and _.-, beginning with a letter')
  .refine((name) => name !== 'offline_access' && name !== 'constructor', 'is reserved');

/** Also those for decisions of apps (RFC 9068 section 2.2.3.1, and `permissions`). */
const TAKEN_CLAIMS: ReadonlySet<string> = new Set([
  ...TOKEN_CLAIMS,
  ...PERSON_CLAIMS,
  'roles',
  'groups',
  'permissions',
  'entitlements',
]);

/** Maximum length of a value, in characters. */
const MAX_VALUE_LENGTH = 2_000;

/** Text without NUL and lone surrogates, which PostgreSQL or clients cannot store. */
const isSound = (value: string) => value.isWellFormed() && !value.includes('\0');
const words = z.string().trim().min(1).max(200).refine(isSound, 'must be well-formed text without NUL');
const pattern = z
  .string()
  .max(500)
  .refine(isSound, 'must be well-formed text without NUL')
  .refine((source) => {
    try {
      return new RegExp(source, 'u') instanceof RegExp;
    } catch {
      return false;
    }
  }, 'must be a regular expression');
const length = z.int().min(0).max(MAX_VALUE_LENGTH);

/** Keywords of an attribute beyond those of JSON Schema. */
const annotations = () => ({
  title: words.optional().describe('Label; default: its name'),
  titles: z.partialRecord(z.enum(LANGUAGES), words).optional().describe('Labels by language'),
  description: words.optional().describe('Hint below the form control'),
  descriptions: z.partialRecord(z.enum(LANGUAGES), words).optional().describe('Hints by language'),
  read: z.array(party).default(['person', 'operator']).describe('Who may see it'),
  write: z.array(party).default(['operator']).describe('Who may change it, among those who may see it'),
  scope: scope
    .optional()
    .describe(
      'Scope that gives it to apps as a claim: a standard scope, or a custom one that no API has. Default: no claim',
    ),
  claim: z
    .string()
    .regex(/^[A-Za-z][\w:./-]{0,119}$/)
    .refine((name) => !TAKEN_CLAIMS.has(name), 'is reserved')
    .optional()
    .describe('Name of the claim; default: the name of the attribute'),
});

const text = () => ({
  type: z.literal('string'),
  enum: z.array(words).min(1).max(200).optional(),
  minLength: length.optional(),
  maxLength: length.optional(),
  pattern: pattern.optional(),
});
/** Lazy: most installations have no attribute, and making the schemas takes time at every start. */
const property = z.lazy(() =>
  z.discriminatedUnion('type', [
    z.strictObject({
      ...text(),
      format: z.enum(['date', 'date-time', 'email', 'uri', 'uuid']).optional(),
      ...annotations(),
    }),
    z.strictObject({
      type: z.literal(['integer', 'number']),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      multipleOf: z.number().positive().optional(),
      ...annotations(),
    }),
    z.strictObject({ type: z.literal('boolean'), ...annotations() }),
    z.strictObject({
      type: z.literal('array'),
      items: z.strictObject(text()),
      minItems: z.int().min(0).max(100).optional(),
      maxItems: z.int().min(1).max(100).optional(),
      uniqueItems: z.boolean().optional(),
      ...annotations(),
    }),
  ]),
);
export type AttributeProperty = z.infer<typeof property>;

/** Names appear in URLs, forms and SCIM. */
const NAME = /^[a-z][a-z0-9_]{0,39}$/;

/**
 * The attributes of accounts: a JSON Schema (draft 2020-12) of a flat object, whose properties also say who may see and
 * change them and by which scope they become a claim. Unknown keywords are rejected, not ignored.
 */
export const attributeSchema = z
  .strictObject({
    $schema: z.literal('https://json-schema.org/draft/2020-12/schema').optional(),
    type: z.literal('object').default('object'),
    properties: z
      .record(
        z.string().regex(NAME, 'must be lower-case letters, digits and _, beginning with a letter'),
        property,
      )
      .refine((all) => Object.keys(all).length <= 60, 'has more than 60 attributes'),
    required: z
      .array(z.string())
      .optional()
      .describe('Attributes that a person must fill in to have an account'),
  })
  .superRefine(({ properties, required = [] }, problems) => {
    const report = (path: string[], message: string) => problems.addIssue({ code: 'custom', path, message });
    const claims = new Set<string>();
    for (const [name, { read, write, scope, claim = name }] of Object.entries(properties)) {
      const at = (keyword: string) => ['properties', name, keyword];
      if (write.some((one) => !read.includes(one))) report(at('write'), 'may only list those in read');
      if (scope === undefined) {
        if (claim !== name) report(at('claim'), 'needs a scope');
        continue;
      }
      if (!read.includes('person'))
        report(at('scope'), 'needs read for person, because apps would show it to the person');
      if (TAKEN_CLAIMS.has(claim)) report(at('claim'), `the claim ${claim} is reserved`);
      if (claims.has(claim)) report(at('claim'), `two attributes have the claim ${claim}`);
      claims.add(claim);
    }
    for (const name of required) {
      const asked = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!asked) report(['required'], `there is no attribute ${name}`);
      else if (!asked.write.includes('person'))
        report(['required'], `people may not change ${name}, so it cannot be required`);
    }
  })
  .meta({
    examples: [
      {
        type: 'object',
        properties: { department: { type: 'string', title: 'Department', scope: 'profile' } },
      },
    ],
  });

export type AttributeSchema = z.infer<typeof attributeSchema>;
/** The document as written, without defaults. */
export type AttributeSchemaInput = z.input<typeof attributeSchema>;
