/** Hashes of opaque refresh tokens of an old service, to be imported. */
import { hash as digest } from 'node:crypto';
import type { OldTokenStore } from '../../storage/old-tokens.ts';
import { Report, type ImportReport, type Row } from './importer.ts';
import { refuse, Refused } from './problems.ts';
import { objectsByLine } from './readers/ndjson.ts';
import { rowsOfCsv } from './readers/csv.ts';
import type { Input } from './readers/input.ts';

export interface OldTokenImport {
  input: Input;
  /** The door that accepts them. */
  door: string;
  /** The source of their owners; null for any. */
  source: string | null;
}

const FIELDS = new Set(['hash', 'token', 'source_id', 'issued_at', 'expires_at']);
/** Bytes of SHA-256, SHA-512 and SHA-1. */
const LENGTHS = new Set([32, 64, 20]);
const BATCH = 500;

/** A hash in hexadecimal or base64. @returns it in lower-case hexadecimal. @throws Refused. */
function hashOf({ hash, token }: Record<string, unknown>): string {
  if (typeof token === 'string' && token !== '' && (hash === undefined || hash === ''))
    return digest('sha256', token, 'hex');
  if (typeof hash !== 'string' || hash === '')
    return refuse('invalid_record', 'a record needs hash or token');
  const bytes = Buffer.from(hash, /^[\da-f]+$/i.test(hash) && hash.length % 2 === 0 ? 'hex' : 'base64');
  return LENGTHS.has(bytes.length) && /^[\w+/=-]+$/.test(hash)
    ? bytes.toString('hex')
    : refuse('hash_malformed', 'hash must be SHA-256, SHA-512 or SHA-1, in hexadecimal or base64');
}

function timeOf(field: string, value: unknown): Date | null {
  if (value === undefined || value === null || value === '') return null;
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : 'none';
  const seconds = /^\d{9,13}$/.test(text) ? Number(text) : Number.NaN;
  const at = new Date(Number.isNaN(seconds) ? text : seconds < 1e11 ? seconds * 1000 : seconds);
  return Number.isNaN(at.getTime())
    ? refuse(
        'invalid_timestamp',
        `${field} must be a time like 2023-05-01T10:00:00Z, or seconds since the epoch`,
      )
    : at;
}

function read(record: Record<string, unknown>, { door, source }: OldTokenImport) {
  const unknown = Object.keys(record).find((name) => !FIELDS.has(name));
  if (unknown !== undefined)
    refuse(
      'unknown_field',
      `${JSON.stringify(unknown.slice(0, 60))} is not one of ${[...FIELDS].join(', ')}`,
    );
  const id = record['source_id'];
  const sourceId = typeof id === 'number' || typeof id === 'string' ? String(id) : '';
  if (sourceId === '' || sourceId.length > 255 || sourceId.includes('\0'))
    refuse('invalid_id', 'source_id must be 1 to 255 characters');
  return {
    door,
    hash: hashOf(record),
    source,
    sourceId,
    issuedAt: timeOf('issued_at', record['issued_at']),
    expiresAt: timeOf('expires_at', record['expires_at']),
  };
}

/** Imports tokens; skips existing ones. */
export async function importOldTokens(
  store: Pick<OldTokenStore, 'put'>,
  request: OldTokenImport,
): Promise<ImportReport> {
  const report = new Report();
  let batch: ReturnType<typeof read>[] = [];
  const flush = async () => {
    const created = batch.length === 0 ? 0 : await store.put(batch);
    for (let at = 0; at < batch.length; at += 1) report.add(at < created ? 'created' : 'skipped');
    batch = [];
  };
  const rows: AsyncIterable<Row> = /^\s*\{/.test(request.input.head)
    ? objectsByLine(request.input)
    : rowsOfCsv(request.input);
  for await (const { line, record, problem } of rows) {
    try {
      if (problem) {
        report.add('failed');
        report.tell({ line, ...problem });
      } else if (record) batch.push(read(record, request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      report.add('failed');
      report.tell({ line, code: error.code, message: error.message, severity: 'error' });
    }
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return report;
}
