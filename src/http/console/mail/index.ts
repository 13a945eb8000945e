import { isDomainError } from '../../../core/errors.ts';
import { type Language, languageInfo } from '../../../core/languages.ts';
import { mailTemplates } from '../../../domain/operators/mail.ts';
import type { ConsoleCall } from '../call.ts';
import { byInput } from '../inputs.ts';
import type { FilterSpec } from '../lists.ts';
import type { Room } from '../room.ts';

const templateOptions = mailTemplates.map((value) => ({ value, label: { text: value } }));

const FILTERS: readonly FilterSpec[] = [
  { name: 'to', label: 'console.mail.to', type: 'search' },
  {
    name: 'state',
    label: 'console.mail.state',
    type: 'select',
    options: [
      { value: 'waiting', label: 'console.mail.waiting' },
      { value: 'failed', label: 'console.mail.failed' },
    ],
  },
  { name: 'template', label: 'console.mail.kind', type: 'select', options: templateOptions },
];

async function showOutbox(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const listing = call.listing(FILTERS);
  const state = (['waiting', 'failed'] as const).find((one) => one === listing.value('state'));
  const { limit, cursor } = listing;
  const filters = { to: listing.value('to'), template: listing.values('template'), state };
  const [page, failed] = await Promise.all([
    services.operatorMail.list(operator, { limit, cursor, filters }),
    services.operatorMail.list(operator, { limit: 5, filters: { state: 'failed' } }),
  ]);
  call.show('mail/outbox', {
    list: listing.view(page),
    items: page.items,
    isFiltered: listing.isFiltered,
    failures: failed.items,
    hasMore: failed.nextCursor !== null,
  });
}

const showMail = async (call: ConsoleCall): Promise<void> =>
  call.show('mail/one', { mail: await call.services.operatorMail.find(call.operator, call.param('mid')) });

const labelled = (language: string) => ({
  value: language,
  label: { text: languageInfo[language as Language].label },
});

/** The languages of mail. */
async function languagesOf(call: ConsoleCall): Promise<string[]> {
  const { items } = await call.services.operatorMail.templates(call.operator, { template: 'shared' });
  return items.map(({ language }) => language);
}

async function showTest(call: ConsoleCall): Promise<void> {
  const languages = await languagesOf(call);
  call.show('mail/test', { templates: templateOptions, languages: languages.map(labelled) });
}

async function showTemplates(call: ConsoleCall): Promise<void> {
  const { items } = await call.services.operatorMail.templates(call.operator);
  const kinds = [...Map.groupBy(items, ({ template }) => template)];
  call.show('mail/templates', { kinds });
}

async function showTemplate(call: ConsoleCall): Promise<void> {
  const languages = await languagesOf(call);
  const asked = call.parameter('language') || call.field('language');
  const language = languages.find((one) => one === asked) ?? languages[0] ?? 'en';
  const template = call.param('template');
  const { items, version } = await call.services.operatorMail.templates(call.operator, {
    template,
    language,
  });
  call.show('mail/template', {
    template,
    language,
    languages: languages.map(labelled),
    texts: items[0],
    version,
    frames: [call.services.publicUrl],
  });
}

const FIELD = 'texts:';

/** Reads the changed sentences of a form; an empty one resets it. */
async function textsOf(call: ConsoleCall): Promise<Record<string, string | null>> {
  const of = { template: call.param('template'), language: call.field('language') };
  const { items } = await call.services.operatorMail.templates(call.operator, of);
  const { texts = {}, overridden = [] } = items[0] ?? {};
  const changes = Object.entries(texts).flatMap(([name, now]): [string, string | null][] => {
    const typed = call.raw(`${FIELD}${name}`).replaceAll('\r\n', '\n');
    if (typed.trim() === '') return overridden.includes(name) ? [[name, null]] : [];
    return typed === now ? [] : [[name, typed]];
  });
  return Object.fromEntries(changes);
}

/** Mail: outbox and failures, templates, and a test letter. */
export function mailRoutes({ page, form }: Room): void {
  const read = { section: 'mail' } as const;
  const write = { section: 'mail', permission: 'mail:write' } as const;

  page('/mail', read, showOutbox);
  page('/mail/outbox/:mid', read, showMail);
  page('/mail/templates', read, showTemplates);
  page('/mail/templates/:template', read, showTemplate);
  page('/mail/test', write, showTest);

  page('/mail/preview/:template/:language', read, async (call) => {
    const of = { template: call.param('template'), language: call.param('language') };
    const { html } = await call.services.operatorMail.preview(call.operator, of);
    call.frameOf(html);
  });
  form('/mail/preview/:template', { ...read, permission: 'mail:read' }, null, async (call) => {
    const of = { template: call.param('template'), language: call.field('language') };
    try {
      const texts = await textsOf(call);
      const { html } = await call.services.operatorMail.preview(call.operator, { ...of, texts });
      call.frameOf(html);
    } catch (error) {
      if (!isDomainError(error, 'invalid_request')) throw error;
      const { field = '', reason = '' } = error.details;
      call.frame('problem', { field: field.replace('texts.', ''), reason });
    }
  });

  form(
    '/mail/templates/:template',
    { ...write, trail: () => ({ type: ['mail_template.updated'] }) },
    showTemplate,
    async (call) => {
      const [template, language] = [call.param('template'), call.field('language')];
      const texts = await textsOf(call);
      const back = `/admin/mail/templates/${encodeURIComponent(template)}?language=${encodeURIComponent(language)}`;
      const changes = { template, language, texts };
      await byInput(() => call.services.operatorMail.write(call.operator, changes, call.expected));
      call.done(back, { key: 'console.mail.saved', params: { template } });
    },
  );
  form('/mail/outbox/:mid/resend', write, null, async (call) => {
    const mail = await call.services.operatorMail.resend(call.operator, call.param('mid'));
    call.done('/admin/mail', { key: 'console.mail.resent', params: { to: mail.address ?? '' } });
  });
  form('/mail/resend', write, null, async (call) => {
    const { ticked } = call;
    const results = await Promise.allSettled(
      ticked.map((id) => call.services.operatorMail.resend(call.operator, id)),
    );
    const sent = results.filter(({ status }) => status === 'fulfilled').length;
    const message = { key: 'console.mail.resentMany', params: { sent, of: ticked.length } } as const;
    if (sent === ticked.length && sent > 0) call.done('/admin/mail', message);
    else call.failed('/admin/mail', message);
  });
  form('/mail/test', write, showTest, async (call) => {
    const [to, template, language] = ['to', 'template', 'language'].map(
      (name) => call.field(name) || undefined,
    );
    const address = await call.services.operatorMail.sendTest(call.operator, { to, template, language });
    call.done('/admin/mail', { key: 'console.mail.testSent', params: { to: address } });
  });
}
