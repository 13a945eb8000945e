import { loadConfig } from '../../config/index.ts';
import type { ContractDoor } from '../../domain/contract-doors.ts';
import { contractCatalogue } from '../../http/contracts/catalogue.ts';
import type { Contract } from '../../http/contracts/contract.ts';
import { planMounts } from '../../http/contracts/mounts.ts';
import { loadContracts } from '../../http/contracts/registry.ts';
import type { BlastRadius } from '../../domain/contract-usage.ts';
import type { CallerRow, UsageRow } from '../../storage/contract-usage.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { type Report, table } from '../report.ts';
import { isDatabaseHere, withCore } from '../session.ts';

/** Resolves the contracts from the configuration alone. @throws StartupError as a server would. */
async function configured(): Promise<ContractDoor[]> {
  const { contracts, publicUrl } = loadConfig();
  const all = await loadContracts(contracts.modules);
  const open = new Set(planMounts(all, contracts).map(({ contract }) => contract.name));
  const catalogue = await contractCatalogue(contracts, publicUrl);
  return catalogue.all.map((one) => ({
    ...one,
    open: open.has(one.name),
    configured: open.has(one.name),
    forced: null,
    version: 1,
  }));
}

/** Lists every contract and its base path. @throws ConfigError, StartupError as a server would. */
export async function listContracts(): Promise<Report> {
  const byConfiguration = await configured();
  // Changes made by operators at run time are in the database.
  const doors = (await isDatabaseHere())
    ? await withCore(({ contractDoors }) => contractDoors.list(manager()))
    : byConfiguration;
  const all = doors.map((door) => {
    const urls = door.open ? door.urls : [];
    const underFirst = (path: string): string[] => urls.slice(0, 1).map((url) => `${url}${path}`);
    return {
      name: door.name,
      title: door.title,
      version: door.documentVersion,
      open: door.open,
      configured: door.configured,
      urls,
      base_path: door.basePath,
      pages: door.pages.flatMap(underFirst),
      openapi: underFirst(door.openapiPath)[0] ?? null,
      gives_away: door.givesAway,
    };
  });
  const rows = all.map(({ name, title, open, urls }) => [name, title, open ? urls.join('  ') : 'closed']);
  return { json: { doors: all }, text: table(['name', 'document', 'answers at'], rows) };
}

const radiusOf = ({ last7Days, last30Days }: BlastRadius) => ({
  last_7_days: last7Days,
  last_30_days: last30Days,
});

/** Opens or closes a contract on all nodes. Reports whom closing would stop. */
export async function openContract(name: string, open: boolean): Promise<Report> {
  const { door, stopped } = await withCore(async ({ contractDoors, usage }) => ({
    door: await contractDoors.set(manager(), name, open),
    stopped: await usage.blastRadius(manager(), name),
  }));
  const { last7Days } = stopped;
  const effect = door.open
    ? ` It answers at ${door.urls.join(' and ')}.`
    : ` In the last 7 days ${last7Days.accounts} accounts, ${last7Days.clients} programs and ${last7Days.addresses} addresses used it.`;
  return {
    json: {
      name,
      open: door.open,
      configured: door.configured,
      urls: door.open ? door.urls : [],
      ...(door.open ? {} : { would_stop: radiusOf(stopped) }),
    },
    text: `The contract ${name} is ${door.open ? 'open' : 'closed'} on all nodes.${effect}`,
  };
}

/** An operation as written in its document: `POST /api/v1/auth/login`. */
const endpointOf = (contracts: readonly Contract[], { door: name, operation: id }: UsageRow): string => {
  const contract = contracts.find((candidate) => candidate.name === name);
  const operation = contract?.operations.find((candidate) => candidate.id === id);
  return contract && operation
    ? `${operation.method.toUpperCase()} ${contract.basePath}${operation.path}`
    : id;
};

const toJson = (contracts: readonly Contract[]) => (row: UsageRow) => ({
  door: row.door,
  endpoint: endpointOf(contracts, row),
  day: row.day,
  requests: row.requests,
  users: row.users,
  last_used_at: row.lastUsedAt.toISOString(),
});

/** Reports who used which contract in the last `days`. @throws UsageError when there is no such door. */
export async function reportUsage({ days, door }: { days: number; door?: string }): Promise<Report> {
  const contracts = await loadContracts(loadConfig().contracts.modules);
  const known = contracts.map(({ name }) => name);
  if (door !== undefined && !known.includes(door))
    throw new UsageError(`There is no door "${door}". The doors are ${known.join(', ')}.`);
  const { rows, users, who } = await withCore(async (core) => {
    const report = await core.usage.report({ days, door });
    return { ...report, who: door === undefined ? null : await core.usage.reportOf(manager(), door, days) };
  });
  const named = door === undefined ? [...new Set([...known, ...rows.map((row) => row.door)])] : [door];
  const totals = named.map((name) => {
    const ofContract = rows.filter((row) => row.door === name);
    const last = ofContract.map(({ lastUsedAt }) => lastUsedAt.toISOString()).sort();
    return {
      door: name,
      requests: ofContract.reduce((sum, { requests }) => sum + requests, 0),
      users: users.get(name) ?? 0,
      last_used_at: last.at(-1) ?? null,
    };
  });
  const summary = table(
    ['door', 'requests', 'accounts', 'last use'],
    totals.map((one) => [
      one.door,
      String(one.requests),
      String(one.users),
      one.last_used_at ?? `none in ${days} days`,
    ]),
  );
  const usage = rows.map(toJson(contracts));
  const details = table(
    ['day', 'endpoint', 'requests', 'accounts', 'last use'],
    usage.map((row) => [row.day, row.endpoint, String(row.requests), String(row.users), row.last_used_at]),
  );
  if (!who) return { json: { days, doors: totals, usage }, text: summary };
  const calls = (list: CallerRow[]) =>
    list.map(({ caller, requests, lastUsedAt }) => ({
      caller: caller === '' ? null : caller,
      requests,
      last_used_at: lastUsedAt.toISOString(),
    }));
  const [clients, addresses] = [calls(who.clients), calls(who.addresses)];
  const accounts = (who.accounts ?? []).map((one) => ({
    id: one.accountId,
    days: one.days,
    last_day: one.lastDay,
  }));
  const callers = (title: string, list: typeof clients) =>
    table(
      [title, 'requests', 'last use'],
      list.map((one) => [one.caller ?? 'others', String(one.requests), one.last_used_at]),
    );
  const stops = table(
    ['closing would have stopped', 'requests', 'accounts', 'programs', 'addresses'],
    Object.entries({ 'in 7 days': who.wouldStop.last7Days, 'in 30 days': who.wouldStop.last30Days }).map(
      ([since, one]) => [
        since,
        ...[one.requests, one.accounts, one.clients, one.addresses].map((count) => String(count)),
      ],
    ),
  );
  const people = table(
    ['account', 'days', 'last day'],
    accounts.map((one) => [one.id, String(one.days), one.last_day]),
  );
  return {
    json: {
      days,
      doors: totals,
      usage,
      clients,
      addresses,
      accounts,
      quiet_since: who.lastUsedAt?.toISOString() ?? null,
      would_stop: radiusOf(who.wouldStop),
    },
    text: [summary, stops, details, callers('program', clients), callers('address', addresses), people].join(
      '\n\n',
    ),
  };
}
