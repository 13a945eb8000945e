import type { SearchHit } from '../../../domain/operators/search.ts';
import type { MessageKey } from '../../pages/i18n.ts';
import { seeOther } from '../../pages/replies.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';
import type { Section } from '../sections.ts';

const PLACES: Record<SearchHit['kind'], { section: Section; label: MessageKey }> = {
  user: { section: 'users', label: 'console.nav.users' },
  client: { section: 'clients', label: 'console.nav.clients' },
  api: { section: 'apis', label: 'console.nav.apis' },
  group: { section: 'groups', label: 'console.nav.groups' },
  role: { section: 'roles', label: 'console.nav.roles' },
  upstream: { section: 'upstreams', label: 'console.nav.upstreams' },
  audit_event: { section: 'audit', label: 'console.nav.audit' },
};

/** Maximum characters of a query. */
const MAX_QUERY_LENGTH = 200;

/** Opens an exact match; otherwise shows five matches of each kind. */
async function search(call: ConsoleCall): Promise<void> {
  const q = call.parameter('q').slice(0, MAX_QUERY_LENGTH);
  const { exact, hits } = await call.services.search(call.operator, q);
  const hrefOf = ({ kind, id }: SearchHit) => call.path(PLACES[kind].section, id);
  if (exact) {
    const isRequest = exact.kind === 'audit_event' && exact.id !== q;
    return seeOther(
      call.ctx,
      isRequest ? `/admin/audit?${new URLSearchParams({ request_id: q }).toString()}` : hrefOf(exact),
    );
  }
  const kinds = Object.entries(PLACES).map(([kind, { label }]) => ({
    label,
    hits: hits
      .filter((hit) => hit.kind === kind)
      .map((hit) => ({
        href: hrefOf(hit),
        name: hit.name ?? hit.detail ?? hit.id,
        hint: hit.name === (hit.detail ?? hit.id) ? null : hit.name && (hit.detail ?? hit.id),
      })),
  }));
  return call.show('search', { q, kinds: kinds.filter((kind) => kind.hits.length > 0) });
}

export function searchRoutes({ page }: Room): void {
  page('/search', { section: 'overview', permission: null }, search);
}
