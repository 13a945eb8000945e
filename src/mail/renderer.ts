import path from 'node:path';
import type { Config } from '../config/index.ts';
import type { Language } from '../core/languages.ts';
import { StartupError } from '../core/errors.ts';
import type { MailTextsByLanguage } from '../storage/settings.ts';
import { createLinks } from './links.ts';
import { createMailStyles } from './styles.ts';
import type { Message } from './messages.ts';
import { sampleOf, samples } from './samples.ts';
import { type Format, loadTemplates } from './templates.ts';
import { createTranslator, languageFor, ownSentences, type Translator } from './translator.ts';

const VIEWS = path.resolve(import.meta.dirname, '../../views/mail');

/** A rendered message. */
export interface Rendered {
  /** BCP 47. */
  language: string;
  subject: string;
  html: string;
  text: string;
}

/** @param texts sentences that override all others, by language and key. */
export type RenderMessage = (message: Message, texts?: MailTextsByLanguage) => Rendered;

/** Rows of a message about circumstances and factors: label and value. */
function factsOf(message: Message, { t, time }: Translator): { label: string; value: string }[] {
  const facts: { label: string; value: string }[] = [];
  const add = (label: string, value: string | number | null) => {
    if (value !== null && value !== '') facts.push({ label: t(label), value: String(value) });
  };
  if ('endpoint' in message) add('fact.endpoint', message.endpoint);
  if ('app' in message) add('fact.app', message.app);
  if ('bindingMessage' in message) add('fact.bindingMessage', message.bindingMessage);
  if ('by' in message) {
    add('fact.by', message.by);
    add('fact.reason', message.reason);
  }
  if ('at' in message) add('fact.time', time(message.at));
  if ('factor' in message) add('fact.factor', message.factor.name);
  if ('left' in message) add('fact.left', message.left);
  if ('removed' in message)
    for (const [kind, count] of Object.entries(message.removed)) add(`fact.removed.${kind}`, count || null);
  if ('circumstances' in message) {
    const { at, ip, browser, system } = message.circumstances;
    add('fact.time', time(at));
    add('fact.device', browser && system ? t('fact.deviceOn', { browser, system }) : (browser ?? system));
    add('fact.ip', ip);
  }
  return facts;
}

/**
 * Creates the renderer of messages in the recipient's language. `settings.mail.templates` overrides views/mail.
 * @throws StartupError when a template or a sentence of the operator's cannot be used for every message.
 */
export function createMessageRenderer({
  name,
  brand,
  languages,
  mail,
  publicUrl,
  footer = () => undefined,
}: Pick<Config, 'name' | 'brand' | 'languages' | 'mail' | 'publicUrl'> & {
  /** The footer of every message. */
  footer?: (language: Language) => string | undefined;
}): RenderMessage {
  const operatorTemplates = mail.templates === null ? null : path.resolve(mail.templates);
  const template = loadTemplates(operatorTemplates === null ? [VIEWS] : [operatorTemplates, VIEWS]);
  const sentences = new Map(
    languages.map((language) => [
      language,
      operatorTemplates === null ? {} : ownSentences(operatorTemplates, language),
    ]),
  );
  const translators = new Map(
    languages.map((language) => [language, createTranslator(language, name, sentences.get(language))]),
  );
  const translatorOf = (language: Language, texts: Readonly<Record<string, string>> = {}) =>
    Object.keys(texts).length === 0
      ? (translators.get(language) ?? createTranslator(language, name))
      : createTranslator(language, name, { ...sentences.get(language), ...texts });
  const links = createLinks(publicUrl);
  const styles = createMailStyles(brand.color);

  const render: RenderMessage = (message, texts = {}) => {
    const language = languageFor(message.locale, languages);
    const translator = translatorOf(language, texts[language]);
    const { t, tag } = translator;
    if (message.kind === 'test-letter' && message.sample !== null) {
      const { to, person, locale } = message;
      const shown = render({ ...sampleOf(message.sample, locale), to, person }, texts);
      return { ...shown, subject: t('test-letter.sample', { subject: shown.subject }) };
    }
    const subject = t(`${message.kind}.subject`);
    const greeting = message.person === null ? t('greetingPlain') : t('greeting', { person: message.person });
    const page = { name, tag, subject, greeting, url: publicUrl, footer: footer(language) };
    const renderAs = (format: Format): string => {
      const shared = {
        t,
        translator,
        message,
        links,
        facts: factsOf(message, translator),
        look: styles,
        page,
      };
      const partial = (file: string, args: Record<string, unknown> = {}): string =>
        template(`partials/${file}`, format, { ...shared, partial, args });
      const body = template(message.kind, format, { ...shared, partial, args: {} });
      return template('layout', format, { ...shared, partial, args: { body } });
    };
    const text = renderAs('text')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
    return { language: tag, subject, html: renderAs('html'), text: `${text}\n` };
  };
  if (operatorTemplates !== null) tryOut(render, languages);
  return render;
}

/** Renders every message once, so that a broken template is found now and not when somebody waits for a message. */
function tryOut(render: RenderMessage, languages: Config['languages']): void {
  for (const message of languages.flatMap((language) => samples(language))) {
    try {
      render(message);
    } catch (error) {
      const where = `mail.templates: ${message.kind} in ${message.locale}`;
      throw new StartupError(`${where}: ${(error as Error).message.trim()}`, { cause: error });
    }
  }
}
