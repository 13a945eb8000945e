import type { DomainError, ErrorCode } from '../../core/errors.ts';
import { ScimError, type ScimType } from '../../domain/scim/errors.ts';
import { statusOf } from '../endpoints/statuses.ts';

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** An error reply (RFC 7644 section 3.12). */
export interface Refusal {
  status: number;
  scimType?: ScimType | 'uniqueness';
  detail: string;
}

const KINDS: Partial<Record<ErrorCode, Refusal['scimType']>> = {
  username_taken: 'uniqueness',
  email_taken: 'uniqueness',
  group_taken: 'uniqueness',
  external_id_taken: 'uniqueness',
  too_broad: 'tooMany',
  invalid_request: 'invalidValue',
  invalid_email: 'invalidValue',
  invalid_username: 'invalidValue',
  weak_password: 'invalidValue',
};

export function refusalOf(error: DomainError | ScimError): Refusal {
  if (error instanceof ScimError) return { status: 400, scimType: error.scimType, detail: error.message };
  const { code, details, message } = error;
  const scimType = KINDS[code];
  const { field, reason } = details;
  const words = [message, field, reason].filter((word) => word !== undefined).join(': ');
  return { status: statusOf(code), ...(scimType && { scimType }), detail: words };
}

export const refusalBody = ({ status, scimType, detail }: Refusal) => ({
  schemas: [ERROR_SCHEMA],
  status: String(status),
  ...(scimType && { scimType }),
  detail,
});

/** The body of a request is not JSON, or not an object. */
export const badSyntax = (detail: string) => new ScimError('invalidSyntax', detail);
