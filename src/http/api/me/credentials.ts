import { DomainError, isDomainError } from '../../../core/errors.ts';
import { operation } from '../operation.ts';
import * as schemas from './schemas.ts';

/** The address and the password. */
export const credentials = [
  operation({
    id: 'changeEmail',
    method: 'post',
    path: '/me/email',
    summary: 'Send a link to another address: it is the account’s once the link was used',
    scope: 'me:security:write',
    fresh: true,
    body: schemas.EmailChange,
    replies: { 202: null },
    async handle({ user, body, actor, locale, services }) {
      await services.verification.requestChange(user.id, body.email, actor, { locale });
      return { status: 202 };
    },
  }),
  operation({
    id: 'verifyEmail',
    method: 'post',
    path: '/me/email/verification',
    summary: 'Send another link that confirms the address that the account has',
    scope: 'me:profile:write',
    replies: { 202: schemas.Sent },
    async handle({ user, actor, locale, services }) {
      const sent = await services.verification.request(user.id, actor, { locale });
      return { status: 202, body: { sent } };
    },
  }),
  operation({
    id: 'changePassword',
    method: 'post',
    path: '/me/password',
    summary: 'Change the password: every session and token of the account ends, the one used here too',
    scope: 'me:security:write',
    fresh: true,
    limit: 'credentials',
    body: schemas.PasswordChange,
    replies: { 204: null },
    async handle({ user, body, actor, signal, services }) {
      const { current_password: current = null, new_password: next } = body;
      try {
        await services.accounts.changePassword(user.id, current, next, actor, signal);
      } catch (error) {
        if (!isDomainError(error, 'weak_password')) throw error;
        throw new DomainError(error.code, { ...error.details, field: 'new_password' });
      }
      return { status: 204 };
    },
  }),
];
