import type { Settings } from '../../config/index.ts';
import { oneLine } from '../../core/text.ts';
import type { Language } from '../../core/languages.ts';

/** One of the details that a person is asked to allow (RFC 9396). */
export interface DetailDisplay {
  sentence: string;
  /** Everything it holds, as `name: value`: nothing is allowed that was not shown. */
  facts: readonly string[];
}

type Detail = { type: string } & Record<string, unknown>;

const whole = (text: string): string => oneLine(text, Infinity);

/** `{ a: { b: [1, 2] } }` as `a.b.0`, 1 and `a.b.1`, 2. */
function flatten(value: unknown, path: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[path, whole(String(value))]];
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, path ? `${path}.${name}` : name));
}

/** What clients ask for in detail, in the operator's words for it: `{name}` in a sentence is the value of that name. */
export function describeDetails(
  details: readonly Detail[],
  settings: Settings['authorizationDetails'],
  language: Language,
): DetailDisplay[] {
  return details.map(({ type, ...content }) => {
    const facts = flatten(content, '');
    const values = new Map(facts);
    const sentence = settings[type]?.sentence[language] ?? type;
    return {
      sentence: sentence.replace(/\{([^{}]+)\}/g, (_placeholder, name: string) => values.get(name) ?? '–'),
      facts: facts.map(([name, value]) => whole(`${name}: ${value}`)),
    };
  });
}
