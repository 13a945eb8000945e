/** Imports text as files into a separate database. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../../../src/config/index.ts';
import { openAccountExports, openAccountImports } from '../../../src/container/moving.ts';
import { createCore } from '../../../src/container/core.ts';
import { createLogger } from '../../../src/core/logger.ts';
import {
  type ImportReport,
  type ImportRequest,
  type Input,
  openFile,
  readMapping,
} from '../../../src/domain/imports/index.ts';
import type { ExportFormat } from '../../../src/domain/exports/index.ts';
import { atEnd, temporaryFolder } from '../../support/cleanup.ts';
import { createDatabase } from '../../support/postgres.ts';
import { operator, passwords } from '../harness.ts';

type Options = ImportRequest['options'];

export interface Asked extends Partial<Options> {
  from?: string;
  with?: (string | Buffer)[];
  mapping?: Record<string, unknown>;
  map?: string[];
  model?: string;
  source?: string;
}

export const DEFAULTS: Options = {
  roles: new Map(),
  providers: new Map(),
  isDryRun: false,
  onConflict: 'fail',
  onBadHash: 'fail',
  missingEmail: 'fail',
  wrapsWeak: false,
  hashParams: {},
  way: 'import',
};

export const SECRETS_KEY = 'the key of imports that are only tried out';

/** Postern without a server, on its own database. */
export async function openPostern(secretsKey = SECRETS_KEY) {
  const { url } = await createDatabase();
  const config = loadConfig({ PUBLIC_URL: 'https://login.example.com' });
  const core = await createCore(
    { ...config, passwords },
    {
      databaseUrl: url,
      secretsKey,
      logger: createLogger('silent'),
    },
  );
  atEnd(() => core.close());
  const accountImports = openAccountImports(core);
  const folder = await temporaryFolder();
  let count = 0;
  const file = async (content: string | Buffer): Promise<Input> => {
    const name = path.join(folder, `export-${(count += 1)}`);
    await writeFile(name, content);
    return openFile(name);
  };

  const importText = async (content: string | Buffer, asked: Asked = {}): Promise<ImportReport> => {
    const { from, with: others = [], mapping = {}, map = [], model, source, ...options } = asked;
    const input = await file(content);
    const companions = await Promise.all(others.map(file));
    const report = await accountImports.run(
      {
        from: { input, companions, format: (from ?? null) as 'csv' | null },
        mapping: readMapping(mapping, map),
        model,
        source,
        options: { ...DEFAULTS, ...options },
      },
      operator,
    );
    const { read, created, updated, skipped, failed, problems, problems_omitted } = report;
    return { read, created, updated, skipped, failed, problems, problems_omitted };
  };
  return {
    url,
    core,
    accountImports,
    importText,
    async exportText(format: ExportFormat, withHashes = false): Promise<string> {
      let text = '';
      for await (const piece of openAccountExports(core).write({ format, withHashes }, operator))
        text += piece;
      return text;
    },
    importLines: (records: object[], asked: Asked = {}) =>
      importText(records.map((record) => `${JSON.stringify(record)}\n`).join(''), asked),
    byEmail: (email: string) => core.accounts.findByEmail(email),
    sql: async <Row extends object>(statement: string, values: unknown[] = []): Promise<Row[]> =>
      (await core.stores.pool.query(statement, values)).rows as Row[],
    async opens(identifier: string, password: string): Promise<boolean> {
      const account = await core.stores.users.findByEmailKey(identifier.toLowerCase());
      return (
        account?.passwordHash !== null &&
        account !== null &&
        core.hasher.verify(account.passwordHash, password)
      );
    },
  };
}

export type Postern = Awaited<ReturnType<typeof openPostern>>;

/** Error codes by line. */
export const codesOf = ({ problems }: ImportReport): [number, string][] =>
  problems.map(({ line, code }) => [line, code]);
