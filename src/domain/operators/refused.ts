import type { DomainError, ErrorCode } from '../../core/errors.ts';
import type { Audit } from '../../storage/audit.ts';
import type { Operator } from './operator.ts';

/** Refusals because of who the operator is. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'insufficient_scope',
  'permission_not_held',
  'stronger_operator',
  'last_owner',
  'forbidden',
]);

/** Audits a refused `operation` of an operator. Ignores errors that are not refusals. */
export type NoteRefused = (error: DomainError, operator: Operator, operation: string) => Promise<void>;

export const createNoteRefused =
  (audit: Pick<Audit, 'record'>): NoteRefused =>
  async ({ code, details }, { actor }, operation) => {
    if (!REFUSALS.has(code)) return;
    const { reason } = details;
    const why = { operation, code, ...(reason === undefined ? {} : { reason }) };
    await audit.record({ type: 'operator.refused', outcome: 'failure', details: why }, actor);
  };
