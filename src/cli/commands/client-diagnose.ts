import { adviceOn } from '../../domain/refusals/advice.ts';
import type { ClientRecord } from '../../storage/clients.ts';
import type { RefusalRow } from '../../storage/refusals.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import type { Report } from '../report.ts';
import { withCore } from '../session.ts';

const toJson = (row: RefusalRow, client: ClientRecord) => ({
  endpoint: row.endpoint,
  error: row.error,
  parameter: row.parameter,
  value: row.value,
  reason: row.reason,
  advice: adviceOn(row, client),
  count: row.count,
  first_at: row.firstAt.toISOString(),
  last_at: row.lastAt.toISOString(),
  request_id: row.requestId,
});

const block = ({ parameter, value, ...row }: ReturnType<typeof toJson>): string => {
  const what = parameter === null ? '' : ` (${parameter}${value === null ? '' : `=${value}`})`;
  const times = row.count === 1 ? '' : `, ${row.count} times`;
  return [
    `${row.last_at}  ${row.endpoint}: ${row.error}${what}${times}`,
    `  ${row.reason}`,
    `  To do: ${row.advice}`,
    `  X-Request-Id: ${row.request_id}`,
  ].join('\n');
};

/** What was refused to a client lately, and what to do. @throws DomainError client_not_found. */
export async function diagnose(id: string): Promise<Report> {
  const { client, rows } = await withCore(async ({ clients, refusals }) => ({
    client: await clients.find(shellOperator(operator()), id),
    rows: await refusals.list(id),
  }));
  const all = rows.map((row) => toJson(row, client));
  return {
    json: { client_id: id, name: client.name, refusals: all },
    text:
      all.length === 0
        ? `Nothing was refused to ${client.name} within 30 days.`
        : all.map(block).join('\n\n'),
  };
}
