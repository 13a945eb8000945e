import { isAgent } from '../../../core/agents.ts';
import type { ClientKind } from '../../../domain/clients.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';
import { CLIENT_FILTERS, isKind, KIND_LABELS } from './kinds.ts';

const SORTS = [
  'name',
  '-name',
  'last_used_at',
  '-last_used_at',
  'created_at',
  '-created_at',
  'client_id',
  '-client_id',
] as const;

async function showList(call: ConsoleCall): Promise<void> {
  const list = call.listing(CLIENT_FILTERS);
  const kind = list.values('kind')?.filter((one): one is ClientKind => isKind(one) && one !== 'mcp');
  const enabled = list.value('enabled');
  const trait = list.value('trait');
  const found = await call.services.clients.list(call.operator, {
    filters: {
      search: list.value('search'),
      kind,
      enabled: enabled === undefined ? undefined : enabled === 'true',
      agent: trait === 'agent' ? true : undefined,
      asserts_identities: trait === 'asserts_identities' ? true : undefined,
    },
    sort: SORTS.find((sort) => sort === list.sort) ?? 'name',
    limit: list.limit,
    cursor: list.cursor,
  });
  call.show('clients/list', {
    kindLabels: KIND_LABELS,
    list: list.view(found),
    clients: found.items.map((client) => ({ ...client, isAgent: isAgent(client.metadata) })),
    isFiltered: list.isFiltered,
  });
}

export function clientListRoutes({ page }: Room): void {
  page('/clients', { section: 'clients' }, showList);
}
