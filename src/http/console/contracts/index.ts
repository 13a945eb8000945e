import type { ContractDoor } from '../../../domain/contract-doors.ts';
import type { CallerRow, UsageReport } from '../../../domain/contract-usage.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';

const DAY = 86_400_000;
/** Days of use shown on a page. */
const PERIODS = [7, 30, 90];

async function list(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const [doors, lastUses] = await Promise.all([
    services.contractDoors.list(operator),
    services.usage.lastUses(operator),
  ]);
  call.show('contracts/list', { doors, lastUses });
}

interface Counted {
  requests: number;
  lastUsedAt: Date;
}

/** Sums rows by a key, most requests first. */
const sums = <T extends Counted>(rows: readonly T[], of: (row: T) => string) =>
  [...Map.groupBy(rows, of)]
    .map(([key, group]) => ({
      key,
      requests: group.reduce((sum, row) => sum + row.requests, 0),
      lastUsedAt: group.reduce((last, row) => (row.lastUsedAt > last ? row.lastUsedAt : last), new Date(0)),
    }))
    .sort((a, b) => b.requests - a.requests);

/** Requests per day, oldest first, including days without any. */
function byDay({ rows }: Pick<UsageReport, 'rows'>, days: number, now: number) {
  const counts = new Map(sums(rows, (row) => row.day).map(({ key, requests }) => [key, requests]));
  return Array.from({ length: days }, (_none, index) => {
    const day = new Date(now - (days - 1 - index) * DAY).toISOString().slice(0, 10);
    return { day, value: counts.get(day) ?? 0 };
  });
}

const named = (rows: readonly CallerRow[]) =>
  rows.map(({ caller, requests, lastUsedAt }) => ({
    key: caller === '' ? null : caller,
    requests,
    lastUsedAt,
  }));

async function showDoor(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const door = await services.contractDoors.find(operator, call.param('name'));
  const asked = Number(call.parameter('days'));
  const days = PERIODS.includes(asked) ? asked : 30;
  const report = await services.usage.reportOf(operator, door.name, days);
  call.show('contracts/one', {
    door,
    days,
    periods: PERIODS,
    report,
    users: report.users.get(door.name) ?? 0,
    byDay: byDay(report, days, services.clock.now()),
    byEndpoint: sums(report.rows, (row) => door.endpoints.get(row.operation) ?? row.operation),
    byClient: named(report.clients),
    byAddress: named(report.addresses),
  });
}

const sameAct = ({ name }: ContractDoor, open: boolean) => ({
  api: { method: 'PATCH', path: `/contracts/${name}`, body: { open } },
  cli: `postern contract ${open ? 'open' : 'close'} ${name}`,
});

/** The contracts: who still calls them, and opening and closing them. */
export function contractRoutes({ page, form, confirm }: Room): void {
  const path = (call: ConsoleCall) => call.path('contracts', call.param('name'));
  const spec = { section: 'contracts', permission: 'contracts:write', fresh: true, back: path } as const;

  page('/contracts', { section: 'contracts' }, list);
  page('/contracts/:name', { section: 'contracts' }, showDoor);

  const set = async (call: ConsoleCall, open: boolean): Promise<void> => {
    const { name } = await call.services.contractDoors.set(
      call.operator,
      call.param('name'),
      open,
      call.expected,
    );
    const after = await call.services.contractDoors.find(call.operator, name);
    const key = open ? 'console.contracts.nowOpen' : 'console.contracts.nowClosed';
    call.done(
      path(call),
      { key, params: { name } },
      {
        action: `${path(call)}/${open ? 'close' : 'open'}`,
        fields: { version: String(after.version) },
      },
    );
  };
  form('/contracts/:name/open', spec, null, (call) => set(call, true));
  confirm(
    '/contracts/:name/close',
    { ...spec, grade: 1 },
    async (call) => {
      const door = await call.services.contractDoors.find(call.operator, call.param('name'));
      const { last7Days, last30Days } = await call.services.usage.blastRadius(call.operator, door.name);
      return {
        title: { key: 'console.contracts.closeTitle', params: { name: door.name } },
        text: 'console.contracts.closeText',
        breaks: [
          { key: 'console.contracts.stops7', params: { ...last7Days } },
          { key: 'console.contracts.stops30', params: { ...last30Days } },
        ],
        verb: 'console.contracts.close',
        name: door.name,
        back: path(call),
        version: door.version,
        same: sameAct(door, false),
      };
    },
    (call) => set(call, false),
  );
}
