import type { HealthFinding } from '../../domain/operators/health.ts';
import { consoleSentences } from '../../http/pages/console-sentences.ts';
import { addSentences, createTranslator, type MessageKey } from '../../http/pages/i18n.ts';

export type Finding = HealthFinding;

type DoctorKey = Extract<MessageKey, `console.doctor.${string}`>;
type NameKey = Extract<DoctorKey, `console.doctor.name.${string}`>;

/** What was looked at. */
export type Subject = NameKey | { key: NameKey; params: Record<string, string> };

/** A sentence of the doctor, or a text by others, which is not translated. */
export type Sentence =
  DoctorKey | { key: DoctorKey; params: Record<string, string | number> } | { text: string };

addSentences(consoleSentences);
/** The command and the API answer in English. */
const english = createTranslator('en', 'Postern');

const inEnglish = (sentence: Sentence): string =>
  typeof sentence === 'object' && 'text' in sentence ? sentence.text : english.t(sentence);

const finding = (name: Subject, status: Finding['status'], message: Sentence, todo?: Sentence): Finding => ({
  name: inEnglish(name),
  status,
  message: inEnglish(message),
  ...(todo === undefined ? {} : { todo: inEnglish(todo) }),
  sentences: { name, message, ...(todo === undefined ? {} : { todo }) },
});

export const ok = (name: Subject, message: Sentence): Finding => finding(name, 'ok', message);

export const warning = (name: Subject, message: Sentence, todo: Sentence): Finding =>
  finding(name, 'warning', message, todo);

/** @param todo omit when the message already says it. */
export const problem = (name: Subject, message: Sentence, todo?: Sentence): Finding =>
  finding(name, 'problem', message, todo);
