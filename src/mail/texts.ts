/** Validation of mail sentences that operators change. */
import { IntlMessageFormat } from 'intl-messageformat';
import { type Language, languageInfo } from '../core/languages.ts';
import { type MessageKind, messageKinds } from './messages.ts';
import { dictionaries, type MailKey } from './translator.ts';

/** Sentences shared by all messages, treated like a kind of message. */
export const SHARED = 'shared';

/** A kind of message, or the shared sentences. */
export type MailTemplate = MessageKind | typeof SHARED;

export const mailTemplates: readonly MailTemplate[] = [...messageKinds, SHARED];

const templateOf = (key: string): MailTemplate =>
  messageKinds.find((kind) => key.startsWith(`${kind}.`)) ?? SHARED;

const keys = Object.keys(dictionaries.en) as MailKey[];

/** Sentences of a template: the variable of each, and its key. */
export const textsOf = (template: MailTemplate): [name: string, key: MailKey][] =>
  keys
    .filter((key) => templateOf(key) === template)
    .map((key) => [template === SHARED ? key : key.slice(template.length + 1), key]);

const MAX_TEXT_LENGTH = 2_000;

/** Element of the ICU parser: literals have type 0, `#` has type 7. */
interface Node {
  type: number;
  value?: unknown;
  options?: Record<string, { value: Node[] }>;
  children?: Node[];
}

const nodesOf = (sentence: string, tag: string): Node[] =>
  new IntlMessageFormat(sentence, tag, undefined, { ignoreTag: true }).getAst();

const inner = ({ options = {}, children = [] }: Node): Node[] => [
  ...Object.values(options).flatMap(({ value }) => value),
  ...children,
];

const argumentsOf = (nodes: Node[]): string[] =>
  nodes.flatMap((node) => [
    ...(node.type !== 0 && node.type !== 7 && typeof node.value === 'string' ? [node.value] : []),
    ...argumentsOf(inner(node)),
  ]);

/** All possible texts of the sentence, with letters in place of arguments. */
const possibleText = (nodes: Node[]): string =>
  nodes
    .map((node) =>
      node.type === 0 ? String(node.value) : inner(node).length > 0 ? possibleText(inner(node)) : 'xx',
    )
    .join('');

/** Text that mail programs turn into a link: sentences must not change where a message leads. */
const LINKLIKE = /:\/\/|\bwww\.|\b(?:javascript|data|mailto|tel):|[\p{L}\p{N}-]\.\p{L}{2,}/iu;

/** Control characters except line breaks and tabs, and characters that change the direction of writing. */
const UNSHOWABLE = /[\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/u;

const lineOf = (error: unknown): string => {
  const { location, message } = error as Error & { location?: { start: { line: number; column: number } } };
  const where = location ? `line ${location.start.line}, column ${location.start.column}: ` : '';
  return `is not valid: ${where}${message.toLowerCase().replaceAll('_', ' ')}`;
};

/** Finds why a sentence cannot replace the one with this key; null if it can. */
export function textProblem(language: Language, key: MailKey, sentence: string): string | null {
  if (sentence.trim() === '') return 'is empty';
  if (sentence.length > MAX_TEXT_LENGTH) return `has more than ${MAX_TEXT_LENGTH} characters`;
  if (UNSHOWABLE.test(sentence)) return 'has a character that cannot be displayed';
  if (key.endsWith('.subject') && /[\n\t]/.test(sentence)) return 'must be one line, as a subject';
  const { tag } = languageInfo[language];
  let nodes: Node[];
  try {
    nodes = nodesOf(sentence, tag);
  } catch (error) {
    return lineOf(error);
  }
  const known = new Set(['name', ...argumentsOf(nodesOf(dictionaries[language][key], tag))]);
  const unknown = argumentsOf(nodes).find((argument) => !known.has(argument));
  if (unknown !== undefined)
    return `has an unknown {${unknown}}; use ${[...known].map((one) => `{${one}}`).join(', ')}`;
  if (LINKLIKE.test(possibleText(nodes)))
    return 'contains something like a URL; the targets of links cannot be changed';
  return null;
}
