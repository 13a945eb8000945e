import { z } from 'zod';
import type { ContractDoor } from '../../../domain/contract-doors.ts';
import type { CallerRow } from '../../../domain/contract-usage.ts';
import { text } from '../../endpoints/text.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { digits } from '../lists.ts';
import { resource } from './presenters.ts';
import { listOf, moment, version } from './schemas.ts';

const Contract = z.strictObject({
  name: z.string(),
  title: z.string(),
  document_version: z.string(),
  open: z.boolean(),
  configured: z.boolean().describe('Whether it is open in the configuration'),
  forced: z.string().nullable().describe('Why it cannot be closed; null if it can'),
  urls: z.array(z.string()).describe('Its URLs while it is open'),
  base_path: z.string(),
  gives_away: z.array(z.string()).describe('What it reveals to strangers, because its document requires it'),
  quiet_since: moment.nullable().describe('The last request; null if there was none in 400 days'),
  version,
});

const UsagePeriod = z.strictObject({
  days: z.preprocess(digits, z.int().min(1).max(400).default(30)).describe('Number of days, including today'),
});
const day = z.iso.date();
const requests = z.int();
const calls = { requests, last_used_at: moment };
const Reach = z.strictObject({
  requests,
  accounts: z.int().describe('Counting ends at 10,000'),
  clients: z.int(),
  addresses: z.int(),
});
const Usage = z.strictObject({
  name: z.string(),
  days: z.int(),
  requests,
  accounts: z.int().describe('Each counted once; counting ends at 10,000'),
  quiet_since: moment.nullable().describe('The last request; null if there was none in 400 days'),
  would_stop: z
    .strictObject({ last_7_days: Reach, last_30_days: Reach })
    .describe('Who would have been affected by closing it: each counted once, regardless of `days`'),
  by_day: z.array(z.strictObject({ day, requests, last_used_at: moment })),
  by_endpoint: z.array(z.strictObject({ endpoint: z.string(), ...calls })),
  by_client: z
    .array(z.strictObject({ client: z.string().nullable(), ...calls }))
    .describe(
      'Programs by their API key, others by the name that they send; null for the rest. Kept for 90 days',
    ),
  by_address: z
    .array(z.strictObject({ address: z.string().nullable(), ...calls }))
    .describe('IPv4 addresses and IPv6 networks; null for the rest. Kept for 90 days'),
  by_account: z
    .array(z.strictObject({ id: z.string(), days: z.int(), last_day: day }))
    .nullable()
    .describe('null without users:read'),
  items: z.array(z.strictObject({ day, endpoint: z.string(), accounts: z.int(), ...calls })),
});

const contractName = { name: text('The name of the contract') };

const contractOf = (door: ContractDoor, lastUse: Date | undefined): z.infer<typeof Contract> => ({
  name: door.name,
  title: door.title,
  document_version: door.documentVersion,
  open: door.open,
  configured: door.configured,
  forced: door.forced,
  urls: door.urls,
  base_path: door.basePath,
  gives_away: door.givesAway,
  quiet_since: lastUse?.toISOString() ?? null,
  version: door.version,
});

const asItIs = async ({ operator, params, services }: OperatorCall<unknown, unknown>) => {
  const door = await services.contractDoors.find(operator, params['name'] ?? '');
  return contractOf(door, (await services.usage.lastUses(operator)).get(door.name));
};

interface Counted {
  requests: number;
  lastUsedAt: Date;
}

/** Groups `rows` by `of` and sums each group. */
const sums = <T extends Counted, K>(rows: readonly T[], of: (row: T) => K): [K, Counted][] =>
  [...Map.groupBy(rows, of)].map(([key, group]) => [
    key,
    {
      requests: group.reduce((sum, row) => sum + row.requests, 0),
      lastUsedAt: group.reduce((last, row) => (row.lastUsedAt > last ? row.lastUsedAt : last), new Date(0)),
    },
  ]);

const counted = ({ requests, lastUsedAt }: Counted) => ({ requests, last_used_at: lastUsedAt.toISOString() });
const named = ({ caller }: CallerRow) => (caller === '' ? null : caller);

/** The contracts: which are open, and who still calls them. */
export const contracts = [
  managed({
    id: 'listContracts',
    method: 'get',
    path: '/contracts',
    summary: 'List the contracts, whether they are open, and since when they are unused',
    scope: 'contracts:read',
    replies: { 200: listOf(Contract) },
    async handle({ operator, services }) {
      const [doors, last] = await Promise.all([
        services.contractDoors.list(operator),
        services.usage.lastUses(operator),
      ]);
      return {
        status: 200,
        body: { items: doors.map((door) => contractOf(door, last.get(door.name))), next_cursor: null },
      };
    },
  }),
  managed({
    id: 'getContract',
    method: 'get',
    path: '/contracts/{name}',
    params: contractName,
    summary: 'Get a contract',
    scope: 'contracts:read',
    replies: { 200: Contract },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateContract',
    method: 'patch',
    path: '/contracts/{name}',
    params: contractName,
    summary: 'Open or close a contract on all nodes at once, overriding the configuration',
    scope: 'contracts:write',
    fresh: true,
    body: z.strictObject({ open: z.boolean() }),
    replies: { 200: Contract },
    refusals: [404, 409, 412],
    async handle({ operator, params, body, expected, services }) {
      const door = await services.contractDoors.set(operator, params['name'] ?? '', body.open, expected);
      return resource(200, contractOf(door, (await services.usage.lastUses(operator)).get(door.name)));
    },
    current: asItIs,
  }),
  managed({
    id: 'getContractUsage',
    method: 'get',
    path: '/contracts/{name}/usage',
    params: contractName,
    summary: 'Get the use of a contract, by day, endpoint, program, address and account',
    scope: 'contracts:read',
    query: UsagePeriod,
    replies: { 200: Usage },
    refusals: [404],
    async handle({ operator, params, query: { days }, services }) {
      const door = await services.contractDoors.find(operator, params['name'] ?? '');
      const report = await services.usage.reportOf(operator, door.name, days);
      const { rows } = report;
      const endpointOf = (id: string) => door.endpoints.get(id) ?? id;
      return {
        status: 200,
        body: {
          name: door.name,
          days,
          requests: rows.reduce((sum, row) => sum + row.requests, 0),
          accounts: report.users.get(door.name) ?? 0,
          quiet_since: report.lastUsedAt?.toISOString() ?? null,
          would_stop: {
            last_7_days: report.wouldStop.last7Days,
            last_30_days: report.wouldStop.last30Days,
          },
          by_day: sums(rows, (row) => row.day).map(([on, sum]) => ({ day: on, ...counted(sum) })),
          by_endpoint: sums(rows, (row) => row.operation)
            .map(([id, sum]) => ({ endpoint: endpointOf(id), ...counted(sum) }))
            .sort((a, b) => b.requests - a.requests),
          by_client: report.clients.map((row) => ({ client: named(row), ...counted(row) })),
          by_address: report.addresses.map((row) => ({ address: named(row), ...counted(row) })),
          by_account:
            report.accounts?.map((one) => ({ id: one.accountId, days: one.days, last_day: one.lastDay })) ??
            null,
          items: rows.map((row) => ({
            day: row.day,
            endpoint: endpointOf(row.operation),
            accounts: row.users,
            ...counted(row),
          })),
        },
      };
    },
  }),
];
