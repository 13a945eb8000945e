import { IntlMessageFormat } from 'intl-messageformat';

const DAY = 86_400;
const HOUR = 3600;
const MINUTE = 60;

/** A duration argument of a message. */
export interface Duration {
  seconds: number;
}

/** Values for the `{arguments}` of a message. Objects other than a duration are passed through. */
export type Values = Readonly<Record<string, string | number | Duration | object | undefined>>;

/** The messages of one language, in ICU MessageFormat. */
export interface Translator {
  has(key: string): boolean;
  /**
   * Formats a message as plain text. `{name}`, the name of the service, is always set. @throws Error for an unknown
   * or malformed message, or a missing value.
   */
  text(key: string, values?: Values): string;
  /** Formats a message as parts: text, and the objects passed through. */
  pieces(key: string, values?: Values): unknown[];
  /** Parses a message ahead of its first use. @throws Error when it cannot be parsed. */
  parse(key: string): void;
  /**
   * Formats a duration in its two largest units. Rounds up, so that waiting for that long is enough: below a minute
   * to the second, below a day to the minute, else to the hour.
   */
  duration(seconds: number): string;
}

const isDuration = (value: unknown): value is Duration =>
  typeof value === 'object' && value !== null && 'seconds' in value;

/** The arguments of a message outside its plural forms. Type 0 is text. */
const argumentsOf = (message: IntlMessageFormat): string[] =>
  (message.getAst() as { type: number; value?: string }[]).flatMap(({ type, value }) =>
    type === 0 || value === undefined ? [] : [value],
  );

type Dictionary = Readonly<Record<string, string>>;

/** @param tag BCP 47. @param name the service's. @param dictionaries the messages; earlier ones win. */
export function createTranslator(tag: string, name: string, dictionaries: readonly Dictionary[]): Translator {
  const parsed = new Map<string, IntlMessageFormat>();
  /** Messages without arguments, the most common ones: formatting them takes a twentieth of a page's time. */
  const constants = new Map<string, string>();
  let durations: Intl.DurationFormat | undefined;

  function parse(key: string): IntlMessageFormat {
    const known = parsed.get(key);
    if (known) return known;
    const sentence = dictionaries.find((dictionary) => key in dictionary)?.[key];
    if (sentence === undefined) throw new Error(`no sentence ${key} in ${tag}`);
    try {
      // Treat tags as text.
      const message = new IntlMessageFormat(sentence, tag, undefined, { ignoreTag: true });
      parsed.set(key, message);
      const ast = message.getAst() as { type: number; value: string }[];
      if (ast.every(({ type }) => type === 0)) constants.set(key, ast.map(({ value }) => value).join(''));
      return message;
    } catch (error) {
      throw new Error(`${key}: ${(error as Error).message}`, { cause: error });
    }
  }

  function duration(seconds: number): string {
    const unit = seconds >= DAY ? HOUR : seconds >= MINUTE ? MINUTE : 1;
    const rounded = Math.max(1, Math.ceil(seconds / unit)) * unit;
    durations ??= new Intl.DurationFormat(tag, { style: 'long' });
    return durations.format({
      days: Math.floor(rounded / DAY),
      hours: Math.floor((rounded % DAY) / HOUR),
      minutes: Math.floor((rounded % HOUR) / MINUTE),
      seconds: rounded % MINUTE,
    });
  }

  function pieces(key: string, values: Values = {}): unknown[] {
    const constant = constants.get(key);
    if (constant !== undefined) return [constant];
    const message = parse(key);
    const all: Record<string, unknown> = { name };
    for (const [argument, value] of Object.entries(values))
      if (value !== undefined) all[argument] = isDuration(value) ? duration(value.seconds) : value;
    try {
      return message.formatToParts<unknown>(all).map(({ value }) => value);
    } catch (error) {
      const absent = argumentsOf(message).find((argument) => !(argument in all));
      throw new Error(absent === undefined ? `${key} cannot be said` : `${key}: no value for {${absent}}`, {
        cause: error,
      });
    }
  }

  return {
    has: (key) => dictionaries.some((dictionary) => key in dictionary),
    text: (key, values) => pieces(key, values).join(''),
    pieces,
    parse,
    duration,
  };
}
