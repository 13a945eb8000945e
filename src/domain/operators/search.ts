import { isUuid } from '../../core/ids.ts';
import type { FoundKind } from '../../storage/finding.ts';
import type { Stores } from '../../storage/stores.ts';
import type { User } from '../users/index.ts';
import type { AuditLog } from './audit-log.ts';
import type { Operator } from './operator.ts';
import type { People } from './people.ts';
import { BUILT_IN_ROLES, type Permission } from './permissions.ts';

export interface SearchHit {
  kind: 'user' | FoundKind | 'audit_event';
  id: string;
  name: string | null;
  /** What distinguishes it: an address, the type of an event. */
  detail: string | null;
}

export interface SearchResult {
  /** The kind of a search text: an id, a number, an email address, or a request id. */
  exact: SearchHit | null;
  /** One kind only, or a few of each kind. */
  hits: SearchHit[];
}

/** Finds anything that matches a text, within the operator's permissions. */
export type Search = (operator: Operator, text: string) => Promise<SearchResult>;

/** Maximum per kind. */
const MAX_PER_KIND = 5;

const KINDS: readonly (readonly [FoundKind, Permission])[] = [
  ['client', 'clients:read'],
  ['api', 'apis:read'],
  ['group', 'groups:read'],
  ['role', 'roles:read'],
  ['upstream', 'upstreams:read'],
];

const hitOf = (user: User): SearchHit => ({
  kind: 'user',
  id: user.id,
  name: user.name,
  detail: user.email,
});

const isNamed = (user: User, text: string): boolean =>
  user.id === text.toLowerCase() ||
  String(user.number) === text ||
  user.email.toLowerCase() === text.toLowerCase() ||
  user.username?.toLowerCase() === text.toLowerCase();

export function createSearch({
  people,
  auditLog,
  findByText,
}: Pick<Stores, 'findByText'> & {
  people: Pick<People, 'list'>;
  auditLog: Pick<AuditLog, 'list' | 'find'>;
}): Search {
  const users = async (operator: Operator, text: string) => {
    if (!operator.permissions.has('users:read')) return [];
    const { items } = await people.list(operator, { filters: { search: text }, limit: MAX_PER_KIND });
    return items.map((user) => ({ hit: hitOf(user), isExact: isNamed(user, text) }));
  };
  const others = async (operator: Operator, text: string, [kind, permission]: (typeof KINDS)[number]) => {
    if (!operator.permissions.has(permission)) return [];
    const stored = await findByText(kind, text, MAX_PER_KIND);
    const builtIn = kind === 'role' ? Object.keys(BUILT_IN_ROLES) : [];
    const named = builtIn
      .filter((name) => name.includes(text.toLowerCase()))
      .map((name) => ({ id: name, name, isExact: name === text }));
    return [...named, ...stored]
      .slice(0, MAX_PER_KIND)
      .map(({ id, name, isExact }) => ({ hit: { kind, id, name, detail: null }, isExact }));
  };
  /** Events of a request, or the event with an id. */
  const events = async (operator: Operator, text: string) => {
    if (!operator.permissions.has('audit:read') || !isUuid(text)) return [];
    const { items } = await auditLog.list(operator, { filters: { requestId: [text] }, limit: MAX_PER_KIND });
    const found =
      items.length > 0
        ? items
        : await auditLog.find(operator, text).then(
            (one) => [one],
            () => [],
          );
    return found.map(({ id, type, at }) => ({
      hit: { kind: 'audit_event' as const, id, name: type, detail: at.toISOString() },
      isExact: true,
    }));
  };
  return async (operator, text) => {
    if (text === '') return { exact: null, hits: [] };
    const found = (
      await Promise.all([
        users(operator, text),
        ...KINDS.map((kind) => others(operator, text, kind)),
        events(operator, text),
      ])
    ).flat();
    const exact = found.filter(({ isExact }) => isExact).map(({ hit }) => hit);
    const hits = exact.length > 0 ? exact : found.map(({ hit }) => hit);
    return { exact: exact[0] ?? null, hits };
  };
}
