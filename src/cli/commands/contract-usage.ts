import { allContracts } from '../../http/contracts/registry.ts';
import type { CallerRow, UsageRow } from '../../storage/contract-usage.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { type Report, table } from '../report.ts';
import { withCore } from '../session.ts';

/** An operation as its document has it: `POST /api/v1/auth/login`. */
function endpointOf({ door: name, operation: id }: UsageRow): string {
  const contract = allContracts.find((candidate) => candidate.name === name);
  const operation = contract?.operations.find((candidate) => candidate.id === id);
  return contract && operation
    ? `${operation.method.toUpperCase()} ${contract.basePath}${operation.path}`
    : id;
}

const toJson = (row: UsageRow) => ({
  door: row.door,
  endpoint: endpointOf(row),
  day: row.day,
  requests: row.requests,
  users: row.users,
  last_used_at: row.lastUsedAt.toISOString(),
});

/** Who used which door in the last `days`. @throws UsageError when there is no such door. */
export async function reportUsage({ days, door }: { days: number; door?: string }): Promise<Report> {
  const known = allContracts.map(({ name }) => name);
  if (door !== undefined && !known.includes(door))
    throw new UsageError(`There is no door "${door}"; there are ${known.join(', ')}.`);
  const { rows, users, who } = await withCore(async ({ usage }) => {
    const report = await usage.report({ days, door });
    return { ...report, who: door === undefined ? null : await usage.reportOf(manager(), door, days) };
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
      one.last_used_at ?? `not in ${days} days`,
    ]),
  );
  const details = table(
    ['day', 'endpoint', 'requests', 'accounts', 'last use'],
    rows
      .map(toJson)
      .map((row) => [row.day, row.endpoint, String(row.requests), String(row.users), row.last_used_at]),
  );
  if (!who) return { json: { days, doors: totals, usage: rows.map(toJson) }, text: summary };
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
  const people = table(
    ['account', 'days', 'last day'],
    accounts.map((one) => [one.id, String(one.days), one.last_day]),
  );
  return {
    json: {
      days,
      doors: totals,
      usage: rows.map(toJson),
      clients,
      addresses,
      accounts,
      quiet_since: who.lastUsedAt?.toISOString() ?? null,
    },
    text: [summary, details, callers('program', clients), callers('address', addresses), people].join('\n\n'),
  };
}
