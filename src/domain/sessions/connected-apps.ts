import type { Allowed } from '../../storage/consents.ts';

/** A client, all that it may do, and since when. */
export interface ConnectedApp {
  clientId: string;
  allowed: Allowed;
  since: Date;
}

const union = (a: string[], b: string[] = []): string[] => [...new Set([...a, ...b])];

function joined(a: Allowed, b: Allowed): Allowed {
  const apis = union(Object.keys(a.resourceScopes), Object.keys(b.resourceScopes));
  return {
    oidcScopes: union(a.oidcScopes, b.oidcScopes),
    oidcClaims: union(a.oidcClaims, b.oidcClaims),
    resourceScopes: Object.fromEntries(
      apis.map((api) => [api, union(a.resourceScopes[api] ?? [], b.resourceScopes[api])]),
    ),
  };
}

/** What was allowed at different times, one entry for each client, the earliest first. */
export function connectedApps(
  records: readonly { clientId: string; allowed: Allowed; createdAt: Date }[],
): ConnectedApp[] {
  const apps = new Map<string, ConnectedApp>();
  for (const { clientId, allowed, createdAt } of records) {
    const known = apps.get(clientId);
    apps.set(clientId, {
      clientId,
      allowed: known ? joined(known.allowed, allowed) : allowed,
      since: known && known.since < createdAt ? known.since : createdAt,
    });
  }
  return [...apps.values()].sort((a, b) => a.since.getTime() - b.since.getTime());
}
