import { operation } from '../operation.ts';
import { passkeyOf, totpOf } from '../items.ts';
import * as schemas from './schemas.ts';

const changing = { method: 'post', scope: 'me:security:write', fresh: true } as const;

/** Adding second factors, and recovery codes for when all are lost. */
export const enrolment = [
  operation({
    ...changing,
    id: 'beginTotp',
    path: '/me/factors/totp',
    summary: 'Begin to set up an authenticator app: it counts once it has shown a code',
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
    summary: 'End it with a code that the app shows',
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
    summary: 'What navigator.credentials.create takes, once, within five minutes',
    replies: { 200: schemas.PasskeyOptions },
    // Where there can be no passkeys: at an address without a domain name.
    refusals: [400],
    async handle({ user, services }) {
      return { status: 200, body: await services.mfa.passkeys.registrationOptions(user.id) };
    },
  }),
  operation({
    ...changing,
    id: 'addPasskey',
    path: '/me/factors/passkeys',
    summary: 'Add the passkey that was made of such options',
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
    summary: 'How many recovery codes are left',
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
    summary: 'Ten new recovery codes instead of all that there were, shown this once',
    replies: { 201: schemas.RecoveryCodes },
    refusals: [404],
    async handle({ user, actor, services }) {
      return { status: 201, body: { codes: await services.mfa.recoveryCodes.regenerate(user.id, actor) } };
    },
  }),
];
