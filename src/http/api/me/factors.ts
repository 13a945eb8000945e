import type { z } from 'zod';
import type { Actor } from '../../../core/actor.ts';
import { DomainError, isDomainError } from '../../../core/errors.ts';
import type { Mfa } from '../../../domain/mfa/index.ts';
import { factorsOf, Passkey, passkeyOf, Totp, totpOf } from '../items.ts';
import { type ApiOperation, operation } from '../operation.ts';
import * as schemas from './schemas.ts';

interface Kind<Record> {
  /** As in the path and in the operations' ids. */
  path: string;
  id: string;
  summary: string;
  schema: z.ZodType;
  present(record: Record): unknown;
  store(mfa: Mfa): {
    rename(accountId: string, id: string, name: string): Promise<Record>;
    remove(accountId: string, id: string, actor: Actor): Promise<void>;
  };
}

/** Renaming and removal, the same for every kind of factor. */
const changesOf = <Record>({ path, id, summary, schema, present, store }: Kind<Record>): ApiOperation[] => [
  operation({
    id: `rename${id}`,
    method: 'patch',
    path: `/me/factors/${path}/{id}`,
    params: schemas.factorId,
    summary: `Rename ${summary}`,
    scope: 'me:security:write',
    fresh: true,
    body: schemas.FactorName,
    replies: { 200: schema },
    refusals: [404],
    async handle({ user, params, body, services }) {
      const renamed = await store(services.mfa).rename(user.id, params['id'] ?? '', body.name);
      return { status: 200, body: present(renamed) };
    },
  }),
  operation({
    id: `remove${id}`,
    method: 'delete',
    path: `/me/factors/${path}/{id}`,
    params: schemas.factorId,
    summary: `Remove ${summary}; the recovery codes are removed with the last factor`,
    scope: 'me:security:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle({ user, params, actor, services }) {
      await store(services.mfa).remove(user.id, params['id'] ?? '', actor);
      return { status: 204 };
    },
  }),
];

/** Second factors: operations common to all kinds. */
export const factors = [
  operation({
    id: 'getFactors',
    method: 'get',
    path: '/me/factors',
    summary: 'List authenticator apps and passkeys, and the number of recovery codes left',
    scope: 'me:security:read',
    replies: { 200: schemas.Factors },
    async handle({ user, services }) {
      const status = await services.mfa.status(user.id);
      return { status: 200, body: { ...factorsOf(status), required: status.required } };
    },
  }),
  ...changesOf({
    path: 'totp',
    id: 'Totp',
    summary: 'an authenticator app',
    schema: Totp,
    present: totpOf,
    store: ({ totp }) => totp,
  }),
  ...changesOf({
    path: 'passkeys',
    id: 'Passkey',
    summary: 'a passkey',
    schema: Passkey,
    present: passkeyOf,
    store: ({ passkeys }) => passkeys,
  }),
];

const changing = { method: 'post', scope: 'me:security:write', fresh: true } as const;

/** Adding second factors, and recovery codes in case all are lost. */
export const enrolment = [
  operation({
    ...changing,
    id: 'beginTotp',
    path: '/me/factors/totp',
    summary: 'Start setting up an authenticator app',
    body: schemas.FactorName,
    replies: { 201: schemas.TotpEnrolment },
    async handle({ user, body, services }) {
      const { expiresAt, ...begun } = await services.mfa.totp.begin(user.id, body.name);
      return { status: 201, body: { ...begun, expires_at: expiresAt.toISOString() } };
    },
  }),
  operation({
    ...changing,
    id: 'confirmTotp',
    path: '/me/factors/totp/{id}/confirmation',
    params: schemas.factorId,
    summary: 'Finish setting it up with a code that the app shows',
    limit: 'credentials',
    body: schemas.TotpCode,
    replies: { 200: schemas.TotpConfirmed },
    refusals: [404],
    async handle({ user, params, body, actor, services }) {
      const { totp } = services.mfa;
      const { authenticator, recoveryCodes } = await totp.confirm(
        user.id,
        params['id'] ?? '',
        body.code,
        actor,
      );
      return { status: 200, body: { factor: totpOf(authenticator), recovery_codes: recoveryCodes } };
    },
  }),
  operation({
    ...changing,
    id: 'passkeyOptions',
    path: '/me/factors/passkeys/options',
    summary: 'Get the options for navigator.credentials.create, valid once, for five minutes',
    replies: { 200: schemas.PasskeyOptions },
    // 400 where passkeys are impossible: at an address without a domain name.
    refusals: [400],
    async handle({ user, services }) {
      return { status: 200, body: await services.mfa.passkeys.registrationOptions(user.id) };
    },
  }),
  operation({
    ...changing,
    id: 'addPasskey',
    path: '/me/factors/passkeys',
    summary: 'Add the passkey created with these options',
    limit: 'credentials',
    body: schemas.NewPasskey,
    replies: { 201: schemas.PasskeyAdded },
    async handle({ user, body, actor, services }) {
      const { passkeys } = services.mfa;
      const { passkey, recoveryCodes } = await passkeys.register(user.id, body.credential, body.name, actor);
      return { status: 201, body: { factor: passkeyOf(passkey), recovery_codes: recoveryCodes } };
    },
  }),
  operation({
    id: 'getRecoveryCodes',
    method: 'get',
    path: '/me/factors/recovery-codes',
    summary: 'Get the number of recovery codes left',
    scope: 'me:security:read',
    replies: { 200: schemas.RecoveryCodesLeft },
    async handle({ user, services }) {
      const { recoveryCodesLeft } = await services.mfa.status(user.id);
      return { status: 200, body: { left: recoveryCodesLeft } };
    },
  }),
  operation({
    ...changing,
    id: 'newRecoveryCodes',
    path: '/me/factors/recovery-codes',
    summary: 'Replace all recovery codes by ten new ones, shown only once',
    replies: { 201: schemas.RecoveryCodes },
    refusals: [404],
    async handle({ user, actor, services }) {
      return { status: 201, body: { codes: await services.mfa.recoveryCodes.regenerate(user.id, actor) } };
    },
  }),
];

/** The email address and the password. */
export const credentials = [
  operation({
    id: 'changeEmail',
    method: 'post',
    path: '/me/email',
    summary: 'Mail a link to a new address; it becomes the account’s when the link is used',
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
    summary: 'Mail another link to verify the current address',
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
    summary: 'Change the password; all sessions and tokens of the account end, including the one used here',
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
