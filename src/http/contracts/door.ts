/**
 * `postern/door`: the only interface for contracts, built-in and custom ones. Custom contracts depend on it: raise
 * `DOOR_VERSION` with any incompatible change.
 */
export type { Context } from 'koa';
export { z } from 'zod';
export { EMAIL_FORM } from '../../core/email-address.ts';
export { DomainError, type ErrorCode, isDomainError } from '../../core/errors.ts';
export { constantTimeEqual } from '../../core/secrets.ts';
export { ACCOUNT_PERMISSIONS, type ApiKey } from '../../domain/api-keys.ts';
export { NAME_FORM, USERNAME_FORM } from '../../domain/identifiers.ts';
export { FACTOR_NAME_FORM } from '../../domain/mfa/factor-changes.ts';
export type { Authenticator } from '../../domain/mfa/index.ts';
export { TOTP_CODE_FORM } from '../../domain/mfa/totp.ts';
export { rolesOf } from '../../domain/operators/rights.ts';
export type { User } from '../../domain/users/index.ts';
export type { TokenSet } from '../../oidc/contracts/tokens.ts';
export { localeOf, newPassword, secret, text } from '../endpoints/text.ts';
export {
  callingUser,
  changeOwnPassword,
  inOwnField,
  join,
  logIn,
  recentUser,
  refuseOperator,
  usernameOf,
} from './accounts.ts';
export { authenticate } from './authenticate.ts';
export { CodedError, codedError } from './coded-error.ts';
export {
  type Answer,
  type Case,
  Mismatch,
  newPerson,
  NO_TOKEN,
  pageCase,
  refusalCases,
  type Visitor,
} from './conformance.ts';
export {
  type Auth,
  type Call,
  type Caller,
  type Contract,
  type ContractServices,
  DEFAULT_LIFETIMES,
  DOOR_VERSION,
  operation,
  type Operation,
  type Refusal,
  type Reply,
} from './contract.ts';
export { microsecondsLocal, secondsLocal, secondsZ } from './times.ts';
