import { z } from 'zod';
import { mailTemplates } from '../../../domain/operators/mail.ts';
import { text } from '../../endpoints/text.ts';
import { listOf, moment, oneOf, page, version } from './schemas.ts';

const templates = mailTemplates as readonly [string, ...string[]];

export const Mail = z.strictObject({
  id: z.uuid(),
  template: z.string().nullable().describe('The kind of message'),
  to: z.string().nullable(),
  state: z.enum(['waiting', 'failed']).describe('`failed`: given up after three days, and kept for seven'),
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
  to: text('The address that it goes to').max(320).optional(),
  ...page(['created_at']),
});
export const mailId = { mid: text('The id of the message') };

const template = z.enum(templates).describe('A kind of message; `shared` for what they have in common');
const language = text('One of the languages of the service')
  .max(35)
  .meta({ examples: ['en'] });
export const Templates = z.strictObject({
  items: z.array(
    z.strictObject({
      template,
      language: z.string(),
      texts: z.record(z.string(), z.string()).describe('In force, in ICU MessageFormat'),
      overridden: z.array(z.string()).describe('Names of those that were written anew'),
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
    .describe('By name; null for the text that comes with the service'),
});

export const PreviewOf = z.strictObject({
  template,
  language,
  texts: TemplateChanges.shape.texts.optional().describe('In place of those in force, by name'),
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
    to: text('An address; the one of the caller’s account unless given').max(320).optional(),
    template: template
      .optional()
      .describe('A kind of message, with made-up data; else one that says it is a test'),
    language: language.optional(),
  })
  .optional();
export const SentTest = z.strictObject({ to: z.string(), template: z.string().nullable() });

/** The target of a change. */
export type Named = Pick<z.output<typeof TemplateChanges>, 'template' | 'language'>;
