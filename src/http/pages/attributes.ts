import type { Context } from 'koa';
import type { Language } from '../../core/languages.ts';
import type { Attribute, AttributeValues } from '../../domain/attributes/index.ts';
import { inputOf } from './attribute-inputs.ts';
import { field } from './form.ts';
import type { Message } from './i18n.ts';
import type { ProfileControl } from './profile-layout.ts';

/** Characters above which a text gets more than one line. */
const LONG = 200;

const customLabel = (text: string): Message => ({ key: 'field.own', params: { text } });

/** The settings of its form control, by its type. */
function settingsOf({ property, choices, format, isList, isRequired }: Attribute) {
  if (property.type === 'boolean') {
    const labels: [value: string, message: Message][] = [
      ['true', 'field.yes'],
      ['false', 'field.no'],
    ];
    const answers = labels.map(([value, message]) => ({ value, label: value, message }));
    return { choices: answers, none: isRequired ? 'field.choose' : 'field.zoneNone' } as const;
  }
  if (choices && !isList)
    return {
      choices: choices.map((value) => ({ value, label: value })),
      none: isRequired ? 'field.choose' : 'field.zoneNone',
    } as const;
  if (property.type === 'array') return { lines: 3 };
  if (property.type !== 'string') {
    const { minimum: min, maximum: max, multipleOf } = property;
    const step = multipleOf ?? (property.type === 'integer' ? 1 : 'any');
    return {
      type: 'number',
      step,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    };
  }
  const types: Record<string, string> = { date: 'date', email: 'email', uri: 'url' };
  const type = types[format ?? ''];
  const { minLength: minlength, maxLength: maxlength } = property;
  return {
    ...(type === undefined ? {} : { type }),
    ...(minlength === undefined ? {} : { minlength }),
    ...(maxlength === undefined ? {} : { maxlength }),
    ...(type === undefined && (maxlength ?? 0) > LONG ? { lines: 3 } : {}),
  };
}

/**
 * The form control of an attribute, read-only if the person may not change it. @param isMisfit whether the stored value no
 * longer fits the schema.
 */
export function attributeControl(attribute: Attribute, language: Language, isMisfit = false): ProfileControl {
  const isFixed = !attribute.mayWrite('person');
  const text = attribute.hintIn(language);
  const hint: Message | undefined = isMisfit
    ? 'field.misfit'
    : text === undefined
      ? attribute.isList && !isFixed
        ? 'field.onePerLine'
        : undefined
      : customLabel(text);
  return {
    name: inputOf(attribute.name),
    label: customLabel(attribute.titleIn(language)),
    optional: isFixed || !attribute.isRequired,
    ...(hint === undefined ? {} : { hint }),
    ...(isFixed ? { readonly: true, ...(attribute.isList ? { lines: 3 } : {}) } : settingsOf(attribute)),
  };
}

/** Labels of controls, for the error summary of a form. */
export const labelsOf = (controls: readonly ProfileControl[]): Record<string, Message> =>
  Object.fromEntries(controls.flatMap(({ name, label }) => (label === undefined ? [] : [[name, label]])));

const textOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.join('\n');
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
};

/** Form values of an account's attributes; empty where unset. */
export const attributeTexts = (all: readonly Attribute[], values: AttributeValues): Record<string, string> =>
  Object.fromEntries(all.map(({ name }) => [inputOf(name), textOf(values[name])]));

/** Parses posted attributes: the typed texts, and the values that differ from `before`. */
export function postedAttributes(ctx: Context, all: readonly Attribute[], before: AttributeValues) {
  const sent = (ctx.request.body ?? {}) as object;
  const texts = attributeTexts(all, before);
  const values: Record<string, unknown> = {};
  for (const { name, mayWrite, fromText } of all) {
    const input = inputOf(name);
    if (!mayWrite('person') || !Object.hasOwn(sent, input)) continue;
    const text = field(ctx, input).replaceAll('\r\n', '\n').trim();
    if (text === texts[input]) continue;
    texts[input] = text;
    // Keep an unparsable value as text, so that the domain rejects it.
    values[name] = text === '' ? null : (fromText(text) ?? text);
  }
  return { texts, values };
}
