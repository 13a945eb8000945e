import type { ContractSettings } from '../../config/index.ts';
import { StartupError } from '../../core/startup-error.ts';
import type { Door } from './door.ts';
import { isParameter } from '../endpoints/routing.ts';
import { ROUTES } from '../routes.ts';

/** Where a door answers: under a prefix, and at one host alone when it has one. */
export interface Mount {
  door: Door;
  prefix: string;
  host: string | null;
}

type Wishes = Pick<ContractSettings, 'enabled' | 'root' | 'hosts' | 'tokens'>;

/**
 * Every place where doors answer: each open one under /contracts/<name>, the chosen ones at their documented base URL
 * too. One that is chosen but closed answers nowhere.
 * @throws StartupError naming the doors that there are not, or the routes that are claimed twice at the root.
 */
export function planMounts(doors: readonly Door[], wishes: Wishes): Mount[] {
  refuseUnknown(doors, wishes);
  const { enabled, root, hosts } = wishes;
  const open = doors.filter(({ name }) => enabled === 'all' || enabled.includes(name));
  const find = (name: string): Door[] => open.filter((door) => door.name === name);
  const closed = Object.entries(hosts).find(([, name]) => find(name).length === 0);
  if (closed) {
    const [host, name] = closed;
    throw new StartupError(
      `contracts.hosts: ${host} is to show the door ${name}, which neither CONTRACTS nor contracts.enabled has`,
    );
  }
  const atRoot = root.flatMap(find);
  refuseCollisions(atRoot);
  return [
    ...open.map((door): Mount => ({ door, prefix: `/contracts/${door.name}`, host: null })),
    ...Object.entries(hosts).flatMap(([host, name]) =>
      find(name).map((door): Mount => ({ door, prefix: '', host })),
    ),
    ...atRoot.map((door): Mount => ({ door, prefix: '', host: null })),
  ];
}

function refuseUnknown(doors: readonly Door[], { enabled, root, hosts, tokens }: Wishes): void {
  const known = doors.map(({ name }) => name);
  const named = {
    'CONTRACTS or contracts.enabled': enabled === 'all' ? [] : enabled,
    'contracts.root': root,
    'contracts.hosts': Object.values(hosts),
    'contracts.tokens': Object.keys(tokens),
  };
  const problems = Object.entries(named).flatMap(([setting, names]) =>
    names.filter((name) => !known.includes(name)).map((name) => `${setting}: there is no door "${name}"`),
  );
  if (problems.length > 0)
    throw new StartupError(`${problems.join('; ')}. The doors that there are: ${known.join(', ')}.`);
}

/** The doors that are open, each with the base URLs that it answers at. */
export function openDoors(mounts: Mount[], publicUrl: string): { door: Door; urls: string[] }[] {
  const { protocol } = new URL(publicUrl);
  const urlOf = ({ host, prefix }: Mount) =>
    host === null ? `${publicUrl}${prefix}` : `${protocol}//${host}`;
  return [...Map.groupBy(mounts, ({ door }) => door)].map(([door, own]) => ({ door, urls: own.map(urlOf) }));
}

interface Claim {
  owner: string;
  method: string;
  path: string;
}

/** What a door claims at its base URL. */
const claimsOf = ({ name, basePath, operations, pages, openapiPath }: Door): Claim[] => [
  ...operations.map(({ method, path }) => ({
    owner: name,
    method: method.toUpperCase(),
    path: `${basePath}${path}`,
  })),
  ...[...Object.keys(pages), openapiPath].map((path) => ({ owner: name, method: 'GET', path })),
];

/** Whether one request could be meant for both paths. Methods do not tell doors apart: a path has one owner. */
function overlap(one: string, other: string): boolean {
  const [left, right] = [one.split('/'), other.split('/')];
  return (
    left.length === right.length &&
    left.every((segment, index) => {
      const facing = right[index]!;
      return segment === facing || isParameter(segment) || isParameter(facing);
    })
  );
}

/** Whether a request for `path` could be meant for Postern itself. */
function isReserved(path: string): boolean {
  const segments = path.split('/');
  return ROUTES.some(
    ({ prefix, claimable }) =>
      !claimable && overlap(prefix, segments.slice(0, prefix.split('/').length).join('/')),
  );
}

function refuseCollisions(doors: Door[]): void {
  const claims = doors.flatMap(claimsOf);
  const own = claims.filter(({ path }) => isReserved(path));
  const twice = claims.flatMap((claim, index) =>
    claims
      .slice(0, index)
      .filter((other) => other.owner !== claim.owner && overlap(other.path, claim.path))
      .map(({ owner }) => `${claim.method} ${claim.path} (${owner} and ${claim.owner})`),
  );
  const collisions = [
    ...own.map(({ owner, method, path }) => `${method} ${path} (${owner} and Postern itself)`),
    ...new Set(twice),
  ];
  if (collisions.length === 0) return;
  throw new StartupError(
    `contracts.root: these routes are claimed twice: ${collisions.join(', ')}. Put only one of the doors there, or use contracts.hosts.`,
  );
}
