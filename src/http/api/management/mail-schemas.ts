import { z } from 'zod';
import { mailTemplates } from '../../../domain/operators/mail.ts';
import { text } from '../../endpoints/text.ts';
import { listOf, moment, oneOf, page, version } from './schemas.ts';

const templates = mailTemplates as readonly [string, ...string[]];

export const Mail = z.strictObject({
  id: z.uuid(),
  template: z.string().nullable().describe('The kind of message'),
  to: z.string().nullable(),
  state: z.enum(['waiting', 'failed']).describe('`failed`: given up after three days, kept for seven'),
  attempts: z.int(),
  error: z.string().nullable().describe('Why the last attempt failed'),
  created_at: moment,
  next_attempt_at: moment.nullable(),
  failed_at: moment.nullable(),
});
export const Mails = listOf(Mail);
export const MailPage = z.strictObject({
  state: z.enum(['waiting', 'failed']).optional(),
  template: oneOf(z.enum(templates), 'The kind of message'),
  to: text('The recipient').max(320).optional(),
  ...page(['created_at']),
});
export const mailId = { mid: text('The id of the message') };

const template = z.enum(templates).describe('A kind of message; `shared` for texts common to all');
const language = text('One of the languages of the service')
  .max(35)
  .meta({ examples: ['en'] });
export const Templates = z.strictObject({
  items: z.array(
    z.strictObject({
      template,
      language: z.string(),
      texts: z.record(z.string(), z.string()).describe('The texts in force, in ICU MessageFormat'),
      overridden: z.array(z.string()).describe('Names of customised texts'),
    }),
  ),
  next_cursor: z.null(),
  version,
});
export const TemplateFilters = z.strictObject({
  template: template.optional(),
  language: language.optional(),
});
export const TemplateChanges = z.strictObject({
  template,
  language,
  texts: z
    .record(z.string().max(100), z.string().max(4_000).nullable())
    .describe('Texts by name; null restores the default'),
});

export const PreviewOf = z.strictObject({
  template,
  language,
  texts: TemplateChanges.shape.texts.optional().describe('Texts to use instead of those in force, by name'),
});
export const Preview = z.strictObject({
  template,
  language: z.string(),
  subject: z.string(),
  html: z.string(),
  text: z.string(),
});
export const TestLetter = z
  .strictObject({
    to: text('An address; default: that of the caller’s account').max(320).optional(),
    template: template
      .optional()
      .describe('A kind of message, with sample data; default: a message that says it is a test'),
    language: language.optional(),
  })
  .optional();
export const SentTest = z.strictObject({ to: z.string(), template: z.string().nullable() });

/** The target of a change. */
export type Named = Pick<z.output<typeof TemplateChanges>, 'template' | 'language'>;
