/** The links and forms of a page, as a browser finds them. */

const ENTITIES: Record<string, string> = {
  'amp': '&',
  'lt': '<',
  'gt': '>',
  'quot': '"',
  '#34': '"',
  '#39': "'",
};

/** Decodes character references. */
export const decodeText = (text: string): string =>
  text.replace(/&([#\w]+);/g, (whole, name: string) => ENTITIES[name] ?? whole);

/** The value of an attribute of a tag, by the text of the tag. */
export function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 'i').exec(tag)?.[1];
  return value === undefined ? undefined : decodeText(value);
}

const has = (tag: string, name: string): boolean => new RegExp(`(?:^|\\s)${name}(?:[\\s=]|$)`, 'i').test(tag);

/** A control with a name. */
export interface Control {
  name: string;
  /** `select`, `textarea`, `submit`, or the type of an input. */
  type: string;
  /** What it sends if nobody touches it; null for nothing. */
  value: string | null;
  /** What it may send, unless it is a text. */
  options: string[];
  isRequired: boolean;
}

export interface Form {
  method: string;
  action: string;
  controls: Control[];
}

const PARTS =
  /<form\b([^>]*)>|<(\/)form>|<(input|select|option|button)\b([^>]*)>|<textarea\b([^>]*)>([^<]*)/gi;

const SUBMIT = new Set(['submit', 'button', 'reset', 'image']);

function controlOf(element: string, tag: string): Control | null {
  const name = attributeOf(tag, 'name');
  if (name === undefined || has(tag, 'disabled')) return null;
  const type = element === 'input' ? (attributeOf(tag, 'type') ?? 'text') : element;
  const value = attributeOf(tag, 'value') ?? '';
  const isRequired = has(tag, 'required');
  if (element === 'button' || SUBMIT.has(type))
    return { name, type: 'submit', value: null, options: [value], isRequired };
  if (type === 'checkbox' || type === 'radio')
    return { name, type, value: has(tag, 'checked') ? value : null, options: [value], isRequired };
  return { name, type, value, options: [], isRequired };
}

/** The forms of a page, without controls outside of them. */
export function formsOf(html: string): Form[] {
  const forms: Form[] = [];
  let form: Form | undefined;
  for (const [, formTag, end, element = '', tag = '', textareaTag, text = ''] of html.matchAll(PARTS)) {
    const elsewhere = attributeOf(tag, 'formaction');
    // The form of a button that sends it elsewhere.
    if (form && elsewhere !== undefined) forms.push({ ...form, action: elsewhere });
    const last = form?.controls.at(-1);
    if (formTag !== undefined) {
      form = {
        method: (attributeOf(formTag, 'method') ?? 'get').toUpperCase(),
        action: attributeOf(formTag, 'action') ?? '',
        controls: [],
      };
      forms.push(form);
    } else if (end !== undefined) form = undefined;
    else if (textareaTag !== undefined) {
      const control = controlOf('textarea', textareaTag);
      if (control) form?.controls.push({ ...control, value: decodeText(text).replace(/^\n/, '') });
    } else if (element.toLowerCase() === 'option') {
      const value = attributeOf(tag, 'value') ?? '';
      if (last?.type !== 'select') continue;
      if (last.options.length === 0 || has(tag, 'selected')) last.value = value;
      last.options.push(value);
    } else {
      const control = controlOf(element.toLowerCase(), tag);
      if (control) form?.controls.push(control);
    }
  }
  return forms;
}

/** Targets of the links of a page. */
export const linksOf = (html: string): string[] =>
  [...html.matchAll(/<a\b([^>]*)>/gi)].flatMap(([, tag = '']) => attributeOf(tag, 'href') ?? []);
