import { z } from 'zod';
import type { AttributeProperty, AttributeSchema, Party } from '../../config/attributes.ts';
import type { Language } from '../../core/languages.ts';
import { STANDARD_SCOPES } from '../../core/scopes.ts';

export type { Party } from '../../config/attributes.ts';

/** One attribute of accounts, as the schema defines it. */
export interface Attribute {
  name: string;
  type: AttributeProperty['type'];
  /** Whether it holds a list of texts. */
  isList: boolean;
  /** The allowed values, if they are enumerated. */
  choices: readonly string[] | null;
  format: string | null;
  /** Whether a person has to provide it. */
  isRequired: boolean;
  /** Undefined: it is not a claim. */
  scope: string | undefined;
  claim: string;
  property: AttributeProperty;
  mayRead(party: Party): boolean;
  mayWrite(party: Party): boolean;
  titleIn(language: Language): string;
  hintIn(language: Language): string | undefined;
  /** The reason why a value is invalid, in one word; null when valid. */
  mistakeIn(value: unknown): string | null;
  /** A value from a form or a query; undefined for unusable text. */
  fromText(text: string): unknown;
}

/** Maximum characters of a text, whatever the schema allows. */
const MAX_TEXT_LENGTH = 2_000;
const MAX_LIST_ITEMS = 100;

const isSound = (text: string) =>
  text.isWellFormed() && !text.includes('\0') && text.length <= MAX_TEXT_LENGTH;

/** Addresses become links: allow only these schemes. */
const isWeb = (text: string) => /^https?:\/\//i.test(text) && URL.canParse(text);

/** The keywords of a property that JSON Schema defines. */
function compile(property: AttributeProperty): z.ZodType {
  const {
    title: _title,
    titles: _titles,
    description: _description,
    descriptions: _descriptions,
    read: _read,
    write: _write,
    scope: _scope,
    claim: _claim,
    ...keywords
  } = property;
  return z.fromJSONSchema(keywords as z.core.JSONSchema.JSONSchema);
}

function attributeOf(name: string, property: AttributeProperty, isRequired: boolean): Attribute {
  const compiled = compile(property);
  const isList = property.type === 'array';
  const format = 'format' in property ? (property.format ?? null) : null;
  const isText = (value: unknown) => typeof value !== 'string' || isSound(value);
  const bounded = (value: unknown): boolean =>
    Array.isArray(value) ? value.length <= MAX_LIST_ITEMS && value.every(isText) : isText(value);
  const parse = (text: string): unknown => {
    if (property.type === 'string') return text;
    if (property.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
    const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
    return number !== undefined && Number.isFinite(number) ? number : undefined;
  };
  return {
    name,
    type: property.type,
    isList,
    choices: (isList ? property.items.enum : 'enum' in property ? property.enum : null) ?? null,
    format,
    isRequired,
    scope: property.scope,
    claim: property.claim ?? name,
    property,
    mayRead: (party) => property.read.includes(party),
    mayWrite: (party) => property.write.includes(party),
    titleIn: (language) => property.titles?.[language] ?? property.title ?? name,
    hintIn: (language) => property.descriptions?.[language] ?? property.description,
    mistakeIn(value) {
      // Check this before trying any pattern of the schema on it.
      if (!bounded(value)) return 'too_big';
      const { error } = compiled.safeParse(value);
      if (error) return error.issues[0]?.code ?? 'invalid_value';
      return format === 'uri' && !isWeb(String(value)) ? 'invalid_format' : null;
    },
    fromText: (text) =>
      isList
        ? text
            .split('\n')
            .map((line) => line.trim())
            .filter(Boolean)
        : parse(text),
  };
}

/** The scopes of OpenID Connect: the standard ones, then those of attributes. */
export const scopesOf = (all: readonly Attribute[]): string[] => [
  ...new Set([...STANDARD_SCOPES, ...all.flatMap(({ scope }) => scope ?? [])]),
];

/** The attributes of a schema, in order. */
export const attributesOf = (schema: AttributeSchema | null): Attribute[] =>
  Object.entries(schema?.properties ?? {}).map(([name, property]) =>
    attributeOf(name, property, schema?.required?.includes(name) ?? false),
  );
