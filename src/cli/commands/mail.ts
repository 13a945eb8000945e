import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { OperatorMail } from '../../domain/operators/mail.ts';
import type { Operator } from '../../domain/operators/operator.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, repeated, uuid } from '../options.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const withMail = async <T>(work: (mail: OperatorMail, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ operatorMail }) => work(operatorMail, shellOperator(operator())));
};

const presenters = () => import('../../http/api/management/mail.ts');

interface ListOptions {
  limit: number;
  cursor?: string;
  state?: 'waiting' | 'failed';
  template?: string[];
  to?: string;
}

async function list({ limit, cursor, ...filters }: ListOptions): Promise<Report> {
  const { mailOf } = await presenters();
  const { items, nextCursor } = await withMail((mail, by) => mail.list(by, { limit, cursor, filters }));
  const rows = items.map((one) => [
    one.createdAt.toISOString(),
    one.template ?? '-',
    one.address ?? '-',
    one.failedAt ? 'failed' : 'waiting',
    String(one.attempts),
    one.error ?? '-',
    one.id,
  ]);
  return {
    json: { mail: items.map(mailOf), next_cursor: nextCursor },
    text: table(['time', 'template', 'to', 'state', 'attempts', 'last failure', 'id'], rows),
  };
}

async function resend(id: string): Promise<Report> {
  const { mailOf } = await presenters();
  const sent = await withMail((mail, by) => mail.resend(by, id));
  return { json: mailOf(sent), text: `${id} is queued; the server sends it.` };
}

async function test(to: string, options: { template?: string; language?: string }): Promise<Report> {
  const address = await withMail((mail, by) => mail.sendTest(by, { to, ...options }));
  return {
    json: { to: address, template: options.template ?? null },
    text: `A test message to ${address} is queued; the server sends it.`,
  };
}

async function preview(template: string, language: string): Promise<Report> {
  const shown = await withMail((mail, by) => mail.preview(by, { template, language }));
  return { json: { ...shown }, text: `Subject: ${shown.subject}\n\n${shown.text}` };
}

interface TemplateOptions {
  template?: string;
  language?: string;
}

async function showTemplates(options: TemplateOptions): Promise<Report> {
  const { templatesOf } = await presenters();
  const templates = await withMail((mail, by) => mail.templates(by, options));
  const text = templates.items
    .map(({ template, language, texts, overridden }) => {
      const lines = Object.entries(texts).map(([name, sentence]): [string, string] => [
        `  ${name}${overridden.includes(name) ? ' *' : ''}`,
        sentence,
      ]);
      return `${template} (${language})\n${facts(lines)}`;
    })
    .join('\n\n');
  return { json: templatesOf(templates), text: `${text}\n\n* customised` };
}

/** Reads the text from an option or a file. Null restores the default. @throws UsageError. */
function sentenceOf({
  text,
  file,
  reset = false,
}: {
  text?: string;
  file?: string;
  reset?: boolean;
}): string | null {
  const sources = [text, file, reset ? '' : undefined].filter((one) => one !== undefined);
  if (sources.length !== 1) throw new UsageError('Use one of --text, --file and --reset.');
  if (reset) return null;
  if (file === undefined) return text ?? null;
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trimEnd();
  } catch (error) {
    throw new UsageError(`Cannot read the text: ${(error as Error).message}`);
  }
}

async function setTemplate(
  template: string,
  language: string,
  name: string,
  options: { text?: string; file?: string; reset?: boolean },
): Promise<Report> {
  const { templatesOf } = await presenters();
  const texts = { [name]: sentenceOf(options) };
  const written = await withMail((mail, by) => mail.write(by, { template, language, texts }));
  return { json: templatesOf(written), text: `Changed ${template}.${name} in ${language}.` };
}

export function addMail(program: Command): void {
  const mail = program.command('mail').description('manage unsent mail and the texts of mail');
  reporting(
    mail
      .command('list')
      .description('list waiting and failed mail, with the reason, newest first')
      .addOption(new Option('--state <state>', 'delivery state').choices(['waiting', 'failed']))
      .option('--template <kind>', 'kind of message (can be repeated)', repeated)
      .option('--to <address>', 'recipient')
      .option('--limit <n>', 'maximum number of results', integer(1, 100), 50)
      .option('--cursor <cursor>', 'next_cursor of the previous page, with the same filters'),
    list,
  );
  reporting(
    mail
      .command('resend')
      .description('send a message now; if its link has expired, it is dropped instead')
      .argument('<id>', 'id shown by the list', uuid),
    resend,
  );
  reporting(
    mail
      .command('test')
      .description('send a test message')
      .argument('<address>', 'recipient')
      .option('--template <kind>', 'kind of message, with sample data')
      .option('--language <language>', 'language of the message'),
    test,
  );
  const template = mail.command('template').description('show, preview or change the texts of mail');
  reporting(
    template
      .command('preview')
      .description('show a kind of message with sample data')
      .argument('<kind>', 'kind of message')
      .argument('<language>', 'language'),
    preview,
  );
  reporting(
    template
      .command('show')
      .description('show the texts in force, by kind of message and language')
      .option('--template <kind>', 'only this kind of message')
      .option('--language <language>', 'only this language'),
    showTemplates,
  );
  reporting(
    template
      .command('set')
      .description('replace one text (ICU MessageFormat); the targets of links cannot be changed')
      .argument('<kind>', 'kind of message')
      .argument('<language>', 'language')
      .argument('<name>', 'name of the text, as printed by `show`')
      .option('--text <text>', 'new text')
      .option('--file <file>', 'file with the new text; - for standard input')
      .option('--reset', 'restore the default text'),
    setTemplate,
  );
}
