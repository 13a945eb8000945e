import {
  type Caller,
  callingUser,
  type ContractServices,
  DomainError,
  microsecondsLocal,
  type Operation,
  operation,
  type User,
} from '../door.ts';
import * as schemas from './mfa-schemas.ts';
import { presentAuthenticator } from './presenters.ts';

/** The calling account, if its login is fresh. @throws DomainError invalid_token with the reason `fresh_login`. */
async function freshUser(services: ContractServices, caller: Caller | null): Promise<User> {
  const user = await callingUser(services, caller);
  const { auth_time: authTime, acr } = (caller?.kind === 'user' ? caller.claims : {}) as {
    auth_time?: number;
    acr?: string;
  };
  if (await services.mfa.lacking(user.id, { authTime, acr }))
    throw new DomainError('invalid_token', { reason: 'fresh_login' });
  return user;
}

const status = operation({
  id: 'mfaStatus',
  method: 'get',
  path: '/auth/mfa',
  summary: "Show one's second factors.",
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.MfaResponse },
  refusals: [401],
  async handle({ caller, services }) {
    const { id } = await callingUser(services, caller);
    const { totp, recoveryCodesLeft, required, methods } = await services.mfa.status(id);
    const body = {
      enabled: methods.length > 0,
      required,
      totp: totp.map(presentAuthenticator),
      recovery_codes_left: recoveryCodesLeft,
    };
    return { status: 200, body };
  },
});

const enrol = operation({
  id: 'enrolTotp',
  method: 'post',
  path: '/auth/mfa/totp',
  summary: 'Begin to enrol an authenticator app; it counts once a code has confirmed it.',
  auth: 'bearer',
  limit: 'ordinary',
  body: schemas.EnrolRequest,
  replies: { 201: schemas.EnrolmentResponse },
  refusals: [400, 401, 403],
  async handle({ caller, body, services }) {
    const user = await freshUser(services, caller);
    const { id, secret, uri, expiresAt } = await services.mfa.totp.begin(user.id, body.name);
    const reply = { id, secret, otpauth_url: uri, expires_at: microsecondsLocal(expiresAt) };
    return { status: 201, body: reply };
  },
});

const confirm = operation({
  id: 'confirmTotp',
  method: 'post',
  path: '/auth/mfa/totp/{factor_id}/confirm',
  summary: 'Confirm an authenticator app with a code; the first one comes with recovery codes.',
  auth: 'bearer',
  limit: 'credentials',
  params: schemas.factorId,
  body: schemas.ConfirmRequest,
  replies: { 200: schemas.ConfirmedResponse },
  refusals: [400, 401, 403, 404],
  async handle({ caller, params, body, actor, services }) {
    const { id } = await freshUser(services, caller);
    const enrolment = params['factor_id'] ?? '';
    const { authenticator, recoveryCodes } = await services.mfa.totp
      .confirm(id, enrolment, body.code, actor)
      .catch(wrongCodeIsBadRequest);
    return { status: 200, body: { ...presentAuthenticator(authenticator), recovery_codes: recoveryCodes } };
  },
});

/** 401 would make the client discard its token. */
function wrongCodeIsBadRequest(error: unknown): never {
  const isWrong = error instanceof DomainError && error.code === 'invalid_credentials';
  throw isWrong ? new DomainError('invalid_request', { field: 'code', reason: 'The code is wrong' }) : error;
}

const remove = operation({
  id: 'removeTotp',
  method: 'delete',
  path: '/auth/mfa/totp/{factor_id}',
  summary: 'Remove an authenticator app.',
  auth: 'bearer',
  limit: 'ordinary',
  params: schemas.factorId,
  replies: { 200: schemas.RemovedResponse },
  refusals: [401, 404],
  async handle({ caller, params, actor, services }) {
    const { id } = await freshUser(services, caller);
    await services.mfa.totp.remove(id, params['factor_id'] ?? '', actor);
    return { status: 200, body: { message: 'Authenticator removed' } };
  },
});

const regenerate = operation({
  id: 'regenerateRecoveryCodes',
  method: 'post',
  path: '/auth/mfa/recovery-codes',
  summary: 'Make ten new recovery codes; the old ones end.',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 201: schemas.RecoveryCodesResponse },
  refusals: [400, 401, 404],
  async handle({ caller, actor, services }) {
    const { id } = await freshUser(services, caller);
    return { status: 201, body: { recovery_codes: await services.mfa.recoveryCodes.regenerate(id, actor) } };
  },
});

export const mfaOperations: Operation[] = [status, enrol, confirm, remove, regenerate];
