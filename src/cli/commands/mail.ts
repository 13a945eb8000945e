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
    text: table(['at', 'what', 'to', 'state', 'attempts', 'last failure', 'id'], rows),
  };
}

async function resend(id: string): Promise<Report> {
  const { mailOf } = await presenters();
  const sent = await withMail((mail, by) => mail.resend(by, id));
  return { json: mailOf(sent), text: `${id} waits to be sent by the server.` };
}

async function test(to: string, options: { template?: string; language?: string }): Promise<Report> {
  const address = await withMail((mail, by) => mail.sendTest(by, { to, ...options }));
  return {
    json: { to: address, template: options.template ?? null },
    text: `A test letter to ${address} waits to be sent by the server.`,
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
  return { json: templatesOf(templates), text: `${text}\n\n* written anew` };
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
  if (sources.length !== 1) throw new UsageError('Say one of --text, --file and --reset.');
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
  const mail = program
    .command('mail')
    .description('mail on its way, and its words: list, resend, test, template');
  reporting(
    mail
      .command('list')
      .description('what waits and what was given up, and why, the newest first')
      .addOption(new Option('--state <state>', 'how far it is').choices(['waiting', 'failed']))
      .option('--template <kind>', 'the kind of message (can be repeated)', repeated)
      .option('--to <address>', 'the address that it goes to')
      .option('--limit <n>', 'maximum number of results', integer(1, 100), 50)
      .option('--cursor <cursor>', 'next_cursor of the previous page, with the same filters'),
    list,
  );
  reporting(
    mail
      .command('resend')
      .description('send one now; one whose link is over is dropped instead')
      .argument('<id>', 'id shown by the list', uuid),
    resend,
  );
  reporting(
    mail
      .command('test')
      .description('send a test letter')
      .argument('<address>', 'where it goes')
      .option('--template <kind>', 'a kind of message, with made-up data')
      .option('--language <language>', 'its language'),
    test,
  );
  const template = mail.command('template').description('the words of mail: show, preview, set');
  reporting(
    template
      .command('preview')
      .description('show a kind of message with made-up data')
      .argument('<kind>', 'the kind of message')
      .argument('<language>', 'the language'),
    preview,
  );
  reporting(
    template
      .command('show')
      .description('the words in force, by kind of message and language')
      .option('--template <kind>', 'one kind of message')
      .option('--language <language>', 'one language'),
    showTemplates,
  );
  reporting(
    template
      .command('set')
      .description('write one sentence anew (ICU MessageFormat); where links lead stays')
      .argument('<kind>', 'the kind of message')
      .argument('<language>', 'the language')
      .argument('<name>', 'of the sentence, as show has it')
      .option('--text <text>', 'the sentence')
      .option('--file <file>', 'a file with it; - is standard input')
      .option('--reset', 'go back to the sentence that comes with Postern'),
    setTemplate,
  );
}
