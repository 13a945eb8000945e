import type { LegacySourceSettings } from '../../config/index.ts';
import type { Logger } from '../../core/logger.ts';
import { openLegacyDatabase } from '../../storage/legacy-database.ts';
import type { ForeignHashes } from '../passwords/foreign.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import { nonsense, placesOfRow, recordAt } from './records.ts';
import { type LegacySource, SourceError } from './source.ts';

/** A source that reads the old service's table. */
export function createTableSource(
  settings: Extract<LegacySourceSettings, { kind: 'sql' }>,
  {
    hashes,
    hasher,
    logger,
  }: {
    hashes: Pick<ForeignHashes, 'read'>;
    hasher: Pick<PasswordHasher, 'verify' | 'verifyDummy'>;
    logger: Logger;
  },
): LegacySource {
  const { name, databaseUrl, timeout, format, params, account, count } = settings;
  const database = openLegacyDatabase(databaseUrl, { name, timeout: timeout * 1000, logger });
  // A cast is written with two colons.
  const statementOf = (text: string) =>
    text
      .trim()
      .replace(/;$/, '')
      .replaceAll(/(?<!:):(?:identifier|source_id)\b/g, '$1');
  const query = statementOf(settings.query);

  const rows = async (statement: string, values: unknown[]) => {
    try {
      return await database.rows(statement, values);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === '57014' || /timeout/i.test(message)) throw new SourceError('timeout', 'no answer in time');
      // PostgreSQL's errors about statements contain no values; those about connections name the host.
      throw new SourceError('unreachable', code === undefined ? 'no connection' : `PostgreSQL says ${code}`);
    }
  };

  const find = async (identifier: string, statement = query) => {
    const found = identifier.includes('\0') ? [] : await rows(statement, [identifier]);
    if (found.length > 1) nonsense('its query finds more than one account for a name');
    return found[0] ?? null;
  };

  const recordOf = (row: Record<string, unknown>) =>
    recordAt(row, placesOfRow(row, account), (from, column) => (from as typeof row)[column]);

  return {
    async authenticate({ identifier, password, signal }) {
      const row = await find(identifier);
      const hash = row?.[settings.password_hash];
      if (row && hash !== undefined && hash !== null && typeof hash !== 'string')
        nonsense(`its column ${settings.password_hash} is not text`);
      if (!row || typeof hash !== 'string' || hash === '') {
        await hasher.verifyDummy(password, signal);
        return null;
      }
      const read = await hashes.read({
        hash,
        ...(format !== undefined && { format }),
        ...(params && { params }),
      });
      if (!read.ok) return nonsense(`a hash cannot be read: ${read.code}`);
      const isRight =
        'plain' in read ? read.plain === password : await hasher.verify(read.stored, password, signal);
      if (!isRight) return null;
      return recordOf(row);
    },
    exists: async (identifier) => (await find(identifier)) !== null,
    ...(settings.profile !== undefined && {
      async profile({ sourceId }) {
        const row = await find(sourceId, statementOf(settings.profile ?? ''));
        return row && recordOf(row);
      },
    }),
    ...(count !== undefined && {
      async count() {
        const [row = {}] = await rows(count, []);
        const [value] = Object.values(row);
        return Number.isSafeInteger(Number(value)) ? Number(value) : nonsense('its count is not a number');
      },
    }),
    close: () => database.close(),
  };
}
