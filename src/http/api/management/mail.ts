import type { z } from 'zod';
import type { Templates, WaitingMail } from '../../../domain/operators/mail.ts';
import { managed, type OperatorCall } from '../operation.ts';
import * as schemas from './mail-schemas.ts';
import { pageOf, resource } from './presenters.ts';

export const mailOf = (mail: WaitingMail): z.infer<typeof schemas.Mail> => ({
  id: mail.id,
  template: mail.template,
  to: mail.address,
  state: mail.failedAt === null ? 'waiting' : 'failed',
  attempts: mail.attempts,
  error: mail.error,
  created_at: mail.createdAt.toISOString(),
  next_attempt_at: mail.dueAt?.toISOString() ?? null,
  failed_at: mail.failedAt?.toISOString() ?? null,
});

export const templatesOf = ({ items, version }: Templates): z.infer<typeof schemas.Templates> => ({
  items,
  next_cursor: null,
  version,
});

const midOf = ({ params }: OperatorCall<unknown, unknown>) => params['mid'] ?? '';

/** The mail outbox and the mail templates. */
export const mail = [
  managed({
    id: 'listMail',
    method: 'get',
    path: '/mail/outbox',
    summary: 'List waiting and failed mail, with the reason, newest first unless sorted',
    scope: 'mail:read',
    query: schemas.MailPage,
    replies: { 200: schemas.Mails },
    async handle({ operator, query, services }) {
      const { limit, cursor, sort, ...filters } = query;
      const page = await services.operatorMail.list(operator, {
        filters,
        limit,
        cursor,
        ...(sort && { sort }),
      });
      return { status: 200, body: pageOf(page, mailOf) };
    },
  }),
  managed({
    id: 'getMail',
    method: 'get',
    path: '/mail/outbox/{mid}',
    params: schemas.mailId,
    summary: 'Get a waiting or failed message, without its content',
    scope: 'mail:read',
    replies: { 200: schemas.Mail },
    refusals: [404],
    handle: async (call) => ({
      status: 200,
      body: mailOf(await call.services.operatorMail.find(call.operator, midOf(call))),
    }),
  }),
  managed({
    id: 'resendMail',
    method: 'post',
    path: '/mail/outbox/{mid}/resend',
    params: schemas.mailId,
    summary: 'Send a message now; if its link has expired, it is dropped instead',
    scope: 'mail:write',
    replies: { 202: schemas.Mail },
    refusals: [404],
    handle: async (call) => ({
      status: 202,
      body: mailOf(await call.services.operatorMail.resend(call.operator, midOf(call))),
    }),
  }),
  managed({
    id: 'listMailTemplates',
    method: 'get',
    path: '/mail/templates',
    summary: 'List the texts of each kind of message in each language',
    scope: 'mail:read',
    query: schemas.TemplateFilters,
    replies: { 200: schemas.Templates },
    handle: async ({ operator, query, services }) =>
      resource(200, templatesOf(await services.operatorMail.templates(operator, query))),
  }),
  managed({
    id: 'updateMailTemplates',
    method: 'patch',
    path: '/mail/templates',
    summary:
      'Change texts of one kind of message in one language; the targets of its links cannot be changed',
    scope: 'mail:write',
    body: schemas.TemplateChanges,
    replies: { 200: schemas.Templates },
    refusals: [412],
    async handle({ operator, body, expected, services }) {
      return resource(200, templatesOf(await services.operatorMail.write(operator, body, expected)));
    },
    current: async ({ operator, body, services }) =>
      templatesOf(await services.operatorMail.templates(operator, body as schemas.Named)),
  }),
  managed({
    id: 'previewMailTemplate',
    method: 'post',
    path: '/mail/templates/preview',
    summary: 'Preview a kind of message with sample data, optionally with other texts; nothing is saved',
    scope: 'mail:read',
    body: schemas.PreviewOf,
    replies: { 200: schemas.Preview },
    handle: async ({ operator, body, services }) => ({
      status: 200,
      body: await services.operatorMail.preview(operator, body),
    }),
  }),
  managed({
    id: 'sendTestMail',
    method: 'post',
    path: '/mail/test',
    summary: 'Send a test message',
    scope: 'mail:write',
    body: schemas.TestLetter,
    replies: { 202: schemas.SentTest },
    refusals: [429],
    async handle({ operator, body = {}, services }) {
      const to = await services.operatorMail.sendTest(operator, body);
      return { status: 202, body: { to, template: body.template ?? null } };
    },
  }),
];
