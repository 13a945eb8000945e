/** Many operations in one request (RFC 7644 section 3.7), each with its own outcome. */
import { DomainError, isDomainError } from '../../core/errors.ts';
import { ScimError } from '../../domain/scim/errors.ts';
import { isObject } from '../../domain/scim/values.ts';
import { LIMITS } from './discovery.ts';
import { badSyntax, refusalBody, refusalOf } from './errors.ts';
import type { Operate, ScimReply, ScimRequest } from './operations.ts';

const RESPONSE_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

interface BulkOperation {
  method: string;
  path: string;
  bulkId?: string;
  version?: string;
  data: unknown;
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

function readOperation(input: unknown): BulkOperation {
  if (!isObject(input)) throw badSyntax('An operation must be an object');
  const method = text(input['method'])?.toUpperCase() ?? '';
  const path = text(input['path']) ?? '';
  const bulkId = text(input['bulkId']);
  const version = text(input['version']);
  if (!METHODS.has(method) || !path.startsWith('/'))
    throw badSyntax('An operation needs a method (POST, PUT, PATCH, DELETE) and a path');
  return {
    method,
    path,
    data: input['data'],
    ...(bulkId !== undefined && { bulkId }),
    ...(version !== undefined && { version }),
  };
}

/** @throws ScimError invalidSyntax; DomainError payload_too_large. */
export function readBulk(body: unknown): { operations: BulkOperation[]; failOnErrors: number } {
  const operations = isObject(body) ? body['Operations'] : undefined;
  if (!isObject(body) || !Array.isArray(operations)) throw badSyntax('Operations must be a list');
  if (operations.length > LIMITS.operations) throw new DomainError('payload_too_large');
  const failOnErrors = body['failOnErrors'];
  return {
    operations: operations.map(readOperation),
    failOnErrors: typeof failOnErrors === 'number' && failOnErrors > 0 ? failOnErrors : Infinity,
  };
}

const REFERENCE = /bulkId:([^/"\\]+)/g;

/** Replaces bulkId references in an operation by ids of created resources. @throws the error that `missing` makes. */
function resolved(operation: BulkOperation, made: ReadonlyMap<string, string>): BulkOperation {
  const replace = (value: string) =>
    value.replaceAll(REFERENCE, (_reference, bulkId: string) => {
      const id = made.get(bulkId);
      if (id === undefined) throw new ScimError('invalidValue', `Nothing was created as bulkId:${bulkId}`);
      return id;
    });
  return {
    ...operation,
    path: replace(operation.path),
    data: operation.data === undefined ? undefined : JSON.parse(replace(JSON.stringify(operation.data))),
  };
}

/** The bulkIds that an operation refers to. */
const referencesOf = ({ path, data }: BulkOperation): string[] =>
  [...`${path} ${JSON.stringify(data) ?? ''}`.matchAll(REFERENCE)].map(([, bulkId = '']) => bulkId);

/** Sorts operations so that referenced resources are created first; cycles keep their place. */
function inOrder(operations: BulkOperation[]): BulkOperation[] {
  const makers = new Map(operations.flatMap((one) => (one.bulkId === undefined ? [] : [[one.bulkId, one]])));
  const ordered = new Set<BulkOperation>();
  const visit = (operation: BulkOperation, under: Set<BulkOperation>): void => {
    if (ordered.has(operation) || under.has(operation)) return;
    under.add(operation);
    for (const bulkId of referencesOf(operation)) {
      const maker = makers.get(bulkId);
      if (maker) visit(maker, under);
    }
    ordered.add(operation);
  };
  for (const operation of operations) visit(operation, new Set());
  return [...ordered];
}

/** Executes a bulk request. @throws errors that the request did not cause. */
export async function bulk(
  { operations, failOnErrors }: ReturnType<typeof readBulk>,
  operator: ScimRequest['operator'],
  operate: Operate,
  noteRefused: (error: DomainError, operation: string) => Promise<void>,
  base: string,
): Promise<ScimReply> {
  const made = new Map<string, string>();
  const results = new Map<BulkOperation, unknown>();
  let failures = 0;

  const perform = async (operation: BulkOperation): Promise<unknown> => {
    const { method, bulkId, path } = operation;
    const same = { method, ...(bulkId !== undefined && { bulkId }) };
    const locate = (at: string) => (at.startsWith('http') ? at : `${base}${at}`);
    try {
      const { path: at, data, version } = resolved(operation, made);
      const segments = at.split('?', 1)[0]!.split('/').slice(1);
      const reply = await operate({
        method,
        segments,
        query: {},
        body: data,
        ifMatch: version,
        operator,
      });
      const id = isObject(reply.body) ? text(reply.body['id']) : undefined;
      if (bulkId !== undefined && id !== undefined) made.set(bulkId, id);
      const etag = reply.headers?.['ETag'];
      return {
        ...same,
        location: locate(reply.headers?.['Location'] ?? at),
        ...(etag !== undefined && { version: etag }),
        status: String(reply.status),
      };
    } catch (error) {
      if (!isDomainError(error) && !(error instanceof ScimError)) throw error;
      failures += 1;
      if (isDomainError(error)) await noteRefused(error, `${method} ${path}`);
      const refusal = refusalOf(error);
      const location = method === 'POST' ? {} : { location: locate(path) };
      return { ...same, ...location, status: String(refusal.status), response: refusalBody(refusal) };
    }
  };

  for (const operation of inOrder(operations)) {
    if (failures >= failOnErrors) break;
    results.set(operation, await perform(operation));
  }
  const answered = operations.flatMap((operation) => results.get(operation) ?? []);
  return { status: 200, body: { schemas: [RESPONSE_SCHEMA], Operations: answered } };
}
