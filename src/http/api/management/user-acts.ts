import { managed } from '../operation.ts';
import { viewUrl } from '../../view-as-link.ts';
import { resource, userOf } from './presenters.ts';
import * as schemas from './schemas.ts';
import { asItIs, idOf } from './users.ts';

/** Named actions on accounts. Each is idempotent and answers with the account. */
export const userActs = [
  managed({
    id: 'suspendUser',
    method: 'post',
    path: '/users/{id}/suspend',
    params: schemas.userId,
    summary: 'Suspend an account, and end its sessions and grants',
    scope: 'users:write',
    body: schemas.Reason,
    replies: { 200: schemas.User },
    refusals: [404, 409, 412],
    async handle(call) {
      const { operator, expected, body, services } = call;
      const why = { expected, reason: body?.reason };
      return resource(
        200,
        userOf(await services.managedAccounts.suspend(operator, idOf(call), why), services),
      );
    },
    current: asItIs,
  }),
  managed({
    id: 'reactivateUser',
    method: 'post',
    path: '/users/{id}/reactivate',
    params: schemas.userId,
    summary:
      'Reactivate a suspended account; this also cancels a scheduled deletion, which needs `users:delete`',
    scope: 'users:write',
    body: schemas.Reason,
    replies: { 200: schemas.User },
    refusals: [404, 412],
    async handle(call) {
      const { operator, expected, body, services } = call;
      const why = { expected, reason: body?.reason };
      return resource(
        200,
        userOf(await services.managedAccounts.reactivate(operator, idOf(call), why), services),
      );
    },
    current: asItIs,
  }),
  managed({
    id: 'unlockUser',
    method: 'post',
    path: '/users/{id}/unlock',
    params: schemas.userId,
    summary: 'Lift the lockout after wrong passwords or codes',
    scope: 'users:write',
    replies: { 200: schemas.User },
    refusals: [404],
    async handle(call) {
      return resource(
        200,
        userOf(await call.services.managedAccounts.unlock(call.operator, idOf(call)), call.services),
      );
    },
  }),
  managed({
    id: 'inviteUser',
    method: 'post',
    path: '/users/{id}/invite',
    params: schemas.userId,
    summary: 'Mail a link to choose a password to an account that has none; earlier links end',
    scope: 'users:credentials',
    replies: { 200: schemas.User },
    refusals: [404],
    async handle(call) {
      const { operator, locale, services } = call;
      return resource(
        200,
        userOf(await services.managedAccounts.invite(operator, idOf(call), { locale }), services),
      );
    },
  }),
  managed({
    id: 'verifyUserEmail',
    method: 'post',
    path: '/users/{id}/email/verification',
    params: schemas.userId,
    summary: 'Mail a link to verify the address, or mark it as verified',
    scope: 'users:credentials',
    fresh: true,
    body: schemas.EmailVerification,
    replies: { 200: schemas.User },
    refusals: [404],
    async handle(call) {
      const { operator, body, locale, services } = call;
      const options = { locale, isVerified: body?.verified ?? false };
      return resource(
        200,
        userOf(await services.managedAccounts.verifyEmail(operator, idOf(call), options), services),
      );
    },
  }),
  managed({
    id: 'resetUserPassword',
    method: 'post',
    path: '/users/{id}/password/reset',
    params: schemas.userId,
    summary: 'Mail a link to choose a new password, require one at the next sign-in, or set one',
    scope: 'users:credentials',
    fresh: true,
    body: schemas.PasswordRenewal,
    replies: { 200: schemas.User },
    refusals: [404],
    async handle(call) {
      const { operator, body, locale, services } = call;
      const user = await services.managedAccounts.renewPassword(operator, idOf(call), body ?? {}, { locale });
      return resource(200, userOf(user, services));
    },
  }),
  managed({
    id: 'impersonateUser',
    method: 'post',
    path: '/users/{id}/impersonate',
    params: schemas.userId,
    summary: 'View as a person for 15 minutes: returns a link, or 202 if the person is asked first',
    scope: 'users:impersonate',
    fresh: true,
    body: schemas.ViewWish,
    replies: { 200: schemas.ViewLink, 202: schemas.ViewAsked },
    refusals: [404],
    async handle(call) {
      const { operator, body, services } = call;
      const wish = { reason: body.reason, askFirst: body.ask_first };
      const view = await services.impersonation.request(operator, idOf(call), wish);
      const seen = { id: view.id, expires_at: view.expiresAt.toISOString() };
      if (view.state === 'waiting') return { status: 202, body: seen };
      return { status: 200, body: { ...seen, url: viewUrl(services.publicUrl, view.token) } };
    },
  }),
];
