import { IntlMessageFormat } from 'intl-messageformat';

const DAY = 86_400;
const HOUR = 3600;
const MINUTE = 60;

/** A length of time inside a sentence. */
export interface Duration {
  seconds: number;
}

/** What goes into the `{arguments}` of a sentence. An object other than a duration is passed through as it is. */
export type Values = Readonly<Record<string, string | number | Duration | object | undefined>>;

/** The sentences of one language, in ICU MessageFormat. */
export interface Translator {
  has(key: string): boolean;
  /**
   * A sentence as plain text. `{name}`, the service's, is always there.
   * @throws Error when there is no such sentence, it cannot be parsed, or a value is missing.
   */
  text(key: string, values?: Values): string;
  /** The same in pieces: text, and the objects that were passed through. */
  pieces(key: string, values?: Values): unknown[];
  /** Parses a sentence, which happens at its first use otherwise. @throws Error when it cannot be parsed. */
  parse(key: string): void;
  /**
   * A length of time in its two largest units, rounded up to the second, from a minute on to the minute, from a day on to the
   * hour: whoever waits for that long has waited long enough.
   */
  duration(seconds: number): string;
}

const isDuration = (value: unknown): value is Duration =>
  typeof value === 'object' && value !== null && 'seconds' in value;

/** What a sentence takes outside its plural forms. Type 0 is text. */
const argumentsOf = (message: IntlMessageFormat): string[] =>
  (message.getAst() as { type: number; value?: string }[]).flatMap(({ type, value }) =>
    type === 0 || value === undefined ? [] : [value],
  );

/** @param tag BCP 47. @param name the service's. */
export function createTranslator(
  tag: string,
  name: string,
  sentences: Readonly<Record<string, string>>,
): Translator {
  const parsed = new Map<string, IntlMessageFormat>();
  const durations = new Intl.DurationFormat(tag, { style: 'long' });

  function parse(key: string): IntlMessageFormat {
    const known = parsed.get(key);
    if (known) return known;
    const sentence = sentences[key];
    if (sentence === undefined) throw new Error(`no sentence ${key} in ${tag}`);
    try {
      // What looks like a tag is text.
      const message = new IntlMessageFormat(sentence, tag, undefined, { ignoreTag: true });
      parsed.set(key, message);
      return message;
    } catch (error) {
      throw new Error(`${key}: ${(error as Error).message}`, { cause: error });
    }
  }

  function duration(seconds: number): string {
    const unit = seconds >= DAY ? HOUR : seconds >= MINUTE ? MINUTE : 1;
    const rounded = Math.max(1, Math.ceil(seconds / unit)) * unit;
    return durations.format({
      days: Math.floor(rounded / DAY),
      hours: Math.floor((rounded % DAY) / HOUR),
      minutes: Math.floor((rounded % HOUR) / MINUTE),
      seconds: rounded % MINUTE,
    });
  }

  function pieces(key: string, values: Values = {}): unknown[] {
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
    has: (key) => key in sentences,
    text: (key, values) => pieces(key, values).join(''),
    pieces,
    parse,
    duration,
  };
}
