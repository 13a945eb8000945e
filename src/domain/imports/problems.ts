/** Problems of an import record. A record with an error is not imported. */
export type ErrorCode =
  | 'invalid_json'
  | 'invalid_utf8'
  | 'invalid_record'
  | 'nul_character'
  | 'line_too_long'
  | 'unknown_field'
  | 'invalid_id'
  | 'invalid_email'
  | 'invalid_name'
  | 'invalid_username'
  | 'invalid_status'
  | 'invalid_timestamp'
  | 'invalid_totp_secret'
  | 'number_out_of_range'
  | 'missing_email'
  | 'duplicate_id'
  | 'duplicate_number'
  | 'duplicate_email'
  | 'duplicate_username'
  | 'hash_unknown_format'
  | 'hash_malformed'
  | 'hash_cost_too_high'
  | 'hash_ambiguous';

/** The record is imported without something, or is to be skipped. */
export type WarningCode =
  | ErrorCode
  | 'service_account'
  | 'anonymous'
  | 'deleted'
  | 'factor_not_imported'
  | 'hash_without_user'
  | 'second_password_dropped'
  | 'role_not_imported'
  | 'group_not_imported'
  | 'identity_not_imported';

export interface Problem {
  /** The line of NDJSON and LDIF, otherwise the record, from 1. */
  line: number;
  code: WarningCode;
  /** The problem and how to fix it. */
  message: string;
  severity: 'error' | 'warning';
  /** The companion file that contains it. */
  file?: string;
}

/** A record that is not imported, and why. */
export class Refused extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws Refused. */
export function refuse(code: ErrorCode, message: string): never {
  throw new Refused(code, message);
}

/** A part of a record that is left out. */
export type Warning = Pick<Problem, 'code' | 'message'>;
