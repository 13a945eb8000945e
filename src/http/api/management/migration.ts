import { z } from 'zod';
import { presentMigration } from '../../../domain/migration.ts';
import { managed } from '../operation.ts';
import { moment } from './schemas.ts';

const accounts = z.int();
const source = z.string().describe('The name of the service, as in the configuration or the import');

const Migration = z.strictObject({
  accounts: z.strictObject({
    total: accounts,
    made_here: accounts,
    moved: z.array(z.strictObject({ source, way: z.enum(['import', 'login', 'token']), accounts })),
  }),
  not_come: z
    .strictObject({
      accounts,
      by_source: z.array(z.strictObject({ source, accounts })),
      some: z
        .array(z.strictObject({ id: z.string(), email: z.string() }))
        .nullable()
        .describe('At most 100; null without users:read'),
    })
    .describe('Imported accounts that have not signed in here since'),
  sources: z.array(
    z.strictObject({
      name: source,
      kind: z.enum(['contract', 'http', 'sql']),
      accounts: accounts.nullable().describe('null if the source cannot tell'),
      moved: accounts,
      left: accounts.nullable(),
      without_password: accounts.describe('Accounts without a password here, which the source checks'),
      failing: z.boolean().describe('Whether it is not asked for a while, after failures'),
    }),
  ),
  old_hashes: z.array(z.strictObject({ format: z.string(), accounts })),
  old_tokens: z.strictObject({
    doors: z.array(z.strictObject({ door: z.string(), until: z.iso.date(), unused_refresh_tokens: z.int() })),
    by_day: z.array(
      z.strictObject({
        day: z.iso.date(),
        door: z.string(),
        access: z.int(),
        refresh: z.int(),
        refused: z.int(),
      }),
    ),
    last_seen_at: moment.nullable(),
  }),
  doors: z
    .array(z.strictObject({ door: z.string(), requests: z.int(), accounts, last_used_at: moment.nullable() }))
    .describe('Contracts in use; requests and accounts of the last 30 days'),
  remaining: z.array(
    z.strictObject({
      code: z.enum([
        'source_has_accounts',
        'source_unknown',
        'source_has_passwords',
        'old_tokens',
        'not_come',
        'old_hashes',
      ]),
      message: z.string(),
      blocking: z.boolean().describe('Whether the old service is needed for it'),
    }),
  ),
  ready: z.boolean().describe('Whether the old service is no longer needed'),
});

/** The progress of a migration from another service. */
export const migration = [
  managed({
    id: 'getMigration',
    method: 'get',
    path: '/migration',
    summary: 'Get who has moved from other services, and what remains before those can be switched off',
    scope: 'settings:read',
    replies: { 200: Migration },
    async handle({ operator, services }) {
      return { status: 200, body: presentMigration(await services.migration.status(operator)) };
    },
  }),
];
