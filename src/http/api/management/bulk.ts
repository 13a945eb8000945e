import { DomainError } from '../../../core/errors.ts';
import { managed, type Attempt } from '../operation.ts';
import { problemOf } from '../problems.ts';
import * as schemas from './schemas.ts';

/** Rolls the transaction back when one of its operations failed. */
class Failed extends Error {}

/** Several operations in one request. */
export const bulk = [
  managed({
    id: 'bulk',
    method: 'post',
    path: '/bulk',
    summary:
      'Execute up to 100 operations in order, each with its own result; with `atomic`, all of them or none',
    scope: null,
    body: schemas.Bulk,
    replies: { 200: schemas.BulkResults },
    cost: ({ operations }) => operations.length,
    async handle({ body: { operations, atomic }, actor, services, attempt }) {
      const attempts: Attempt[] = [];
      const all = async () => {
        for (const { method, path, body, if_match: ifMatch } of operations) {
          const outcome = await attempt({ method, path, body, ifMatch });
          attempts.push(outcome);
          if (atomic && outcome.status >= 400) throw new Failed();
        }
      };
      // Use one transaction in both modes, which costs less than many: a failed operation rolls back its own part.
      await services.asOne(all).catch((error: unknown) => {
        if (!(error instanceof Failed)) throw error;
      });
      for (const { noteRefusal } of attempts) await noteRefusal();
      const failed = atomic ? attempts.findIndex(({ status }) => status >= 400) : -1;
      const notApplied = problemOf(new DomainError('not_applied'), actor.requestId ?? '');
      const results = operations.map(({ id }, index) => {
        const { status, body, kept } = attempts[index] ?? notDone;
        return failed === -1 || index === failed
          ? { id: id ?? null, status, body: body ?? null, kept: kept ?? null }
          : { id: id ?? null, status: notApplied.status, body: notApplied, kept: notApplied };
      });
      return {
        status: 200,
        body: { results: results.map(({ kept: _kept, ...shown }) => shown) },
        kept: { results: results.map(({ kept, body: _body, ...rest }) => ({ ...rest, body: kept })) },
      };
    },
  }),
];

const notDone = { status: 0, body: null, kept: null };
