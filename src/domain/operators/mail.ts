import { DomainError } from '../../core/errors.ts';
import { isUuid, newUuid } from '../../core/ids.ts';
import type { Language } from '../../core/languages.ts';
import { readEmailAddress } from '../../core/email-address.ts';
import type { Message } from '../../mail/messages.ts';
import type { Rendered } from '../../mail/renderer.ts';
import { sampleOf } from '../../mail/samples.ts';
import { type MailTemplate, mailTemplates, SHARED, textProblem, textsOf } from '../../mail/texts.ts';
import { dictionaries } from '../../mail/translator.ts';
import type { MailFilters, MailOutbox as OutboxStore, WaitingMail } from '../../storage/waiting-mail.ts';
import type { MailTexts, MailTextsByLanguage } from '../../storage/settings.ts';
import type { Stores } from '../../storage/stores.ts';
import { recipientOf } from '../notices.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import {
  changesOf,
  checkVersion,
  type Expected,
  misnamed,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';

export { mailTemplates } from '../../mail/texts.ts';
export type { MailFilters, WaitingMail } from '../../storage/waiting-mail.ts';

/** The sentences of one kind of message in one language. */
export interface TemplateTexts {
  template: MailTemplate;
  language: Language;
  /** The texts in force, by name. */
  texts: Record<string, string>;
  /** The names of texts that operators changed. */
  overridden: string[];
}

export interface Templates {
  items: TemplateTexts[];
  version: number;
}

export interface OperatorMail {
  /** Lists pending and failed messages, newest first by default. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<'created_at', MailFilters>): Promise<Listed<WaitingMail>>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, id: string): Promise<WaitingMail>;
  /**
   * Sends a message now, unless its link has expired.
   * @throws DomainError insufficient_scope, not_found when it has been sent meanwhile.
   */
  resend(operator: Operator, id: string): Promise<WaitingMail>;
  /** @throws DomainError insufficient_scope. */
  templates(
    operator: Operator,
    of?: { template?: string | undefined; language?: string | undefined },
  ): Promise<Templates>;
  /**
   * A kind of message with sample data, with `texts` in place of those in force; saves nothing.
   * @throws DomainError as `write`.
   */
  preview(
    operator: Operator,
    of: { template: string; language: string; texts?: Record<string, string | null> | undefined },
  ): Promise<PreviewedMail>;
  /**
   * Sends a test message, or a kind of message with sample data.
   * @param to the operator's own address by default.
   * @returns its recipient.
   * @throws DomainError insufficient_scope, invalid_request, rate_limited.
   */
  sendTest(
    operator: Operator,
    test: { template?: string | undefined; language?: string | undefined; to?: string | undefined },
  ): Promise<string>;
  /** The texts that operators changed in one language, by key. @throws DomainError insufficient_scope. */
  overriddenTexts(
    operator: Operator,
    language: string,
  ): Promise<{ texts: Record<string, string>; version: number }>;
  /**
   * Overrides texts of one kind of message in one language; null restores the default. @throws DomainError
   * insufficient_scope, precondition_failed; invalid_request with the reason and the line.
   */
  write(
    operator: Operator,
    changes: { template: string; language: string; texts: Record<string, string | null> },
    expected?: Expected,
  ): Promise<Templates>;
}

/** A message with sample data, as it would be sent. */
export type PreviewedMail = Rendered & { template: MailTemplate };

export interface OperatorMailDependencies extends Pick<Stores, 'users' | 'audit' | 'inTransaction'> {
  /** Renders a message, with the texts of operators. */
  render(message: Message, texts: MailTextsByLanguage): Promise<Rendered>;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  outbox: OutboxStore;
  texts: MailTexts;
  languages: readonly Language[];
  readList: ReadList;
}

/** A message that shows the sentences common to all messages. */
const SHARED_SAMPLE = 'password-reset';

export function createOperatorMail(dependencies: OperatorMailDependencies): OperatorMail {
  const { render, outgoingMail, users, outbox, texts: store, languages } = dependencies;
  const { readList, audit, inTransaction } = dependencies;

  const shown = (of: MailTemplate, language: Language, written: MailTextsByLanguage): TemplateTexts => {
    const overrides = written[language] ?? {};
    const all = textsOf(of);
    return {
      template: of,
      language,
      texts: Object.fromEntries(
        all.map(([name, key]) => [name, overrides[key] ?? dictionaries[language][key]]),
      ),
      overridden: all.flatMap(([name, key]) => (overrides[key] === undefined ? [] : [name])),
    };
  };

  const templateOf = (name: string) =>
    mailTemplates.find((one) => one === name) ??
    refuse('template', misnamed('kind of message', name, mailTemplates));
  /** Validates changes by key. @throws DomainError invalid_request with the reason and the line. */
  const parse = (of: MailTemplate, spoken: Language, changes: Record<string, string | null>) => {
    const keys = new Map(textsOf(of));
    return Object.entries(changes).map(([name, sentence]) => {
      const key = keys.get(name) ?? refuse(`texts.${name}`, 'unknown');
      const problem = sentence === null ? null : textProblem(spoken, key, sentence);
      if (problem !== null) refuse(`texts.${name}`, problem);
      return [key, sentence] as const;
    });
  };

  /** The texts of operators in a language, with changes applied. */
  const written = (
    overrides: Record<string, string> | undefined,
    parsed: ReturnType<typeof parse>,
  ): Record<string, string> => {
    const result = { ...overrides };
    for (const [key, sentence] of parsed)
      if (sentence === null) delete result[key];
      else result[key] = sentence;
    return result;
  };

  const languageOf = (name: string) =>
    languages.find((one) => one === name) ?? refuse('language', misnamed('language', name, languages));

  return {
    async list(operator, options) {
      requirePermission(operator, 'mail:read');
      options.filters?.template?.forEach(templateOf);
      return readList('mail', options, '-created_at', (request) => outbox.list(request));
    },
    async find(operator, id) {
      requirePermission(operator, 'mail:read');
      const mail = isUuid(id) ? await outbox.find(id) : null;
      if (!mail) throw new DomainError('not_found');
      return mail;
    },
    async resend(operator, id) {
      requirePermission(operator, 'mail:write');
      return inTransaction(async (tx) => {
        const mail = isUuid(id) ? await outbox.resend(id, tx) : null;
        if (!mail) throw new DomainError('not_found');
        const details = { mail: id, template: mail.template };
        await audit.record({ type: 'mail.resent', details }, operator.actor, tx);
        return mail;
      });
    },
    async templates(operator, { template, language } = {}) {
      requirePermission(operator, 'mail:read');
      const { texts, version } = await store.read();
      const wanted = template === undefined ? mailTemplates : [templateOf(template)];
      const spoken = language === undefined ? languages : [languageOf(language)];
      return { items: wanted.flatMap((one) => spoken.map((each) => shown(one, each, texts))), version };
    },
    async preview(operator, { template, language, texts: changes = {} }) {
      requirePermission(operator, 'mail:read');
      const [of, spoken] = [templateOf(template), languageOf(language)];
      const parsed = parse(of, spoken, changes);
      const { texts } = await store.read();
      const sample = sampleOf(of === SHARED ? SHARED_SAMPLE : of, spoken);
      try {
        return {
          template: of,
          ...(await render(sample, { ...texts, [spoken]: written(texts[spoken], parsed) })),
        };
      } catch (error) {
        return refuse('texts', `cannot be shown: ${(error as Error).message}`);
      }
    },
    async sendTest(operator, { template, language, to }) {
      requirePermission(operator, 'mail:write');
      const of = template === undefined ? null : templateOf(template);
      if (of === SHARED) refuse('template', 'is not a message');
      const account = operator.accountId === null ? null : await users.findById(operator.accountId);
      const typed = to ?? account?.email ?? refuse('to', 'is missing');
      const address = readEmailAddress(typed)?.address ?? refuse('to', 'is not an email address');
      const content: Message = {
        ...(account && to === undefined ? recipientOf(account) : { person: null }),
        to: address,
        locale: language === undefined ? (account?.locale ?? null) : languageOf(language),
        kind: 'test-letter',
        sample: of === 'test-letter' ? null : of,
      };
      await inTransaction(async (tx) => {
        const mail = { cause: `test-letter:${newUuid()}`, content, actor: operator.actor };
        if (!(await outgoingMail.enqueue(mail, tx))) throw new DomainError('rate_limited');
        const details = { template: of };
        await audit.record({ type: 'mail.tested', details }, operator.actor, tx);
      });
      return address;
    },
    async overriddenTexts(operator, language) {
      requirePermission(operator, 'mail:read');
      const { texts, version } = await store.read();
      return { texts: { ...texts[languageOf(language)] }, version };
    },
    async write(operator, { template, language, texts: changes }, expected) {
      requirePermission(operator, 'mail:write');
      const [of, spoken] = [templateOf(template), languageOf(language)];
      const parsed = parse(of, spoken, changes);
      return inTransaction(async (tx) => {
        const before = await store.lock(tx);
        checkVersion(before, expected);
        const overrides = written(before.texts[spoken], parsed);
        const named = (from: Record<string, string> = {}) =>
          Object.fromEntries(parsed.map(([key]) => [key, from[key] ?? null]));
        const changed = changesOf(named(before.texts[spoken]), named(overrides));
        if (!changed) return { items: [shown(of, spoken, before.texts)], version: before.version };
        const after = await store.write({ ...before.texts, [spoken]: overrides }, tx);
        const details = { template, language, ...changed };
        await audit.record({ type: 'mail_template.updated', details }, operator.actor, tx);
        return { items: [shown(of, spoken, after.texts)], version: after.version };
      });
    },
  };
}
