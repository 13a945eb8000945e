import { DomainError } from '../../core/errors.ts';

const LONGEST_DESCRIPTION = 500;

/** @throws DomainError invalid_request that names the field. */
export function refuse(field: string, reason?: string): never {
  throw new DomainError('invalid_request', { field, ...(reason === undefined ? {} : { reason }) });
}

/** @throws DomainError invalid_request. */
export function checkDescription(description: string | undefined): void {
  if (description !== undefined && description.length > LONGEST_DESCRIPTION)
    refuse('description', 'too_long');
}
