import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Language } from '../../core/languages.ts';
import { type MailTemplate, mailTemplates, textProblem, textsOf } from '../../mail/texts.ts';
import { dictionaries } from '../../mail/translator.ts';
import type { MailFilters, MailOutbox as OutboxStore, WaitingMail } from '../../storage/mail-outbox.ts';
import type { MailTexts, MailTextsByLanguage } from '../../storage/settings.ts';
import type { Stores } from '../../storage/stores.ts';
import {
  changesOf,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';

export { mailTemplates } from '../../mail/texts.ts';
export type { MailFilters, WaitingMail } from '../../storage/mail-outbox.ts';

/** The sentences of one kind of message in one language. */
export interface TemplateTexts {
  template: MailTemplate;
  language: Language;
  /** In force, by name. */
  texts: Record<string, string>;
  /** The names of those that operators wrote anew. */
  overridden: string[];
}

export interface Templates {
  items: TemplateTexts[];
  version: number;
}

export interface OperatorMail {
  /** What waits and what was given up, newest first unless sorted. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<'created_at', MailFilters>): Promise<Listed<WaitingMail>>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, id: string): Promise<WaitingMail>;
  /**
   * Has it sent now. What a link in it was good for may be over by then: it is not sent in that case.
   * @throws DomainError insufficient_scope, not_found when it was sent meanwhile.
   */
  resend(operator: Operator, id: string): Promise<WaitingMail>;
  /** @throws DomainError insufficient_scope. */
  templates(
    operator: Operator,
    of?: { template?: string | undefined; language?: string | undefined },
  ): Promise<Templates>;
  /**
   * Writes sentences of one kind of message in one language anew; null goes back to the one that comes with the service.
   * @throws DomainError insufficient_scope, precondition_failed; invalid_request that says what is wrong, and in which line.
   */
  write(
    operator: Operator,
    changes: { template: string; language: string; texts: Record<string, string | null> },
    expected?: Expected,
  ): Promise<Templates>;
}

export function createOperatorMail(
  dependencies: Pick<Stores, 'audit' | 'inTransaction'> & {
    outbox: OutboxStore;
    texts: MailTexts;
    languages: readonly Language[];
    readList: ReadList;
  },
): OperatorMail {
  const { outbox, texts: store, languages, readList, audit, inTransaction } = dependencies;

  const shown = (of: MailTemplate, language: Language, written: MailTextsByLanguage): TemplateTexts => {
    const own = written[language] ?? {};
    const all = textsOf(of);
    return {
      template: of,
      language,
      texts: Object.fromEntries(all.map(([name, key]) => [name, own[key] ?? dictionaries[language][key]])),
      overridden: all.flatMap(([name, key]) => (own[key] === undefined ? [] : [name])),
    };
  };

  const templateOf = (name: string) => mailTemplates.find((one) => one === name) ?? refuse('template', name);
  const languageOf = (name: string) => languages.find((one) => one === name) ?? refuse('language', name);

  return {
    async list(operator, options) {
      requirePermission(operator, 'mail:read');
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
      const some = template === undefined ? mailTemplates : [templateOf(template)];
      const spoken = language === undefined ? languages : [languageOf(language)];
      return { items: some.flatMap((one) => spoken.map((each) => shown(one, each, texts))), version };
    },
    async write(operator, { template, language, texts: changes }, expected) {
      requirePermission(operator, 'mail:write');
      const [of, spoken] = [templateOf(template), languageOf(language)];
      const keys = new Map(textsOf(of));
      const parsed = Object.entries(changes).map(([name, sentence]) => {
        const key = keys.get(name) ?? refuse(`texts.${name}`, 'unknown');
        const problem = sentence === null ? null : textProblem(spoken, key, sentence);
        if (problem !== null) refuse(`texts.${name}`, problem);
        return [key, sentence] as const;
      });
      return inTransaction(async (tx) => {
        const before = await store.lock(tx);
        checkVersion(before, expected);
        const own: Record<string, string> = { ...before.texts[spoken] };
        for (const [key, sentence] of parsed)
          if (sentence === null) delete own[key];
          else own[key] = sentence;
        const named = (from: Record<string, string> = {}) =>
          Object.fromEntries(parsed.map(([key]) => [key, from[key] ?? null]));
        const changed = changesOf(named(before.texts[spoken]), named(own));
        if (!changed) return { items: [shown(of, spoken, before.texts)], version: before.version };
        const after = await store.write({ ...before.texts, [spoken]: own }, tx);
        const details = { template, language, ...changed };
        await audit.record({ type: 'mail_template.updated', details }, operator.actor, tx);
        return { items: [shown(of, spoken, after.texts)], version: after.version };
      });
    },
  };
}
