import type { ContractSettings } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import type { Contract } from './contract.ts';
import { overlap } from './paths.ts';
import { type Route, ROUTES } from '../routes.ts';

/** Where a contract answers: under a prefix, and only at its own host if it has one. */
export interface Mount {
  contract: Contract;
  prefix: string;
  host: string | null;
}

/** The route of a contract's requests, with the label of their metrics. */
export const contractRoute = (name: string, prefix: string): Route => ({
  prefix,
  owner: 'contracts',
  label: `contracts/${name}`,
  claimable: false,
});

type MountSettings = Pick<ContractSettings, 'enabled' | 'root' | 'hosts' | 'tokens'>;

/**
 * Every place where contracts answer: each open one under /contracts/<name>, the selected ones at their documented base URL
 * too. A selected one that is closed answers nowhere.
 * @throws StartupError naming unknown contracts, or routes that are claimed twice at the root.
 */
export function planMounts(contracts: readonly Contract[], settings: MountSettings): Mount[] {
  refuseUnknown(contracts, settings);
  const { enabled, root, hosts } = settings;
  const open = contracts.filter(({ name }) => enabled === 'all' || enabled.includes(name));
  const find = (name: string): Contract[] => open.filter((contract) => contract.name === name);
  const closed = Object.entries(hosts).find(([, name]) => find(name).length === 0);
  if (closed) {
    const [host, name] = closed;
    throw new StartupError(
      `contracts.hosts: ${host} names the door ${name}, which is in neither CONTRACTS nor contracts.enabled`,
    );
  }
  refuseCollisions(root.flatMap(find));
  return mountsOf(open, settings);
}

/** The places of all contracts, open or not. */
export function mountsOf(
  contracts: readonly Contract[],
  { root, hosts }: Pick<MountSettings, 'root' | 'hosts'>,
): Mount[] {
  const find = (name: string): Contract[] => contracts.filter((contract) => contract.name === name);
  return [
    ...contracts.map((contract): Mount => ({ contract, prefix: `/contracts/${contract.name}`, host: null })),
    ...Object.entries(hosts).flatMap(([host, name]) =>
      find(name).map((contract): Mount => ({ contract, prefix: '', host })),
    ),
    ...root.flatMap(find).map((contract): Mount => ({ contract, prefix: '', host: null })),
  ];
}

/** Whether a setting belongs to a single contract. */
const isDoorSetting = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'oldTokens' in value;

function refuseUnknown(
  contracts: readonly Contract[],
  { enabled, root, hosts, tokens, ...others }: MountSettings,
): void {
  const known = contracts.map(({ name }) => name);
  const named = {
    'CONTRACTS or contracts.enabled': enabled === 'all' ? [] : enabled,
    'contracts.root': root,
    'contracts.hosts': Object.values(hosts),
    'contracts.tokens': Object.keys(tokens),
    'contracts.<name>.oldTokens': Object.entries(others).flatMap(([name, value]) =>
      isDoorSetting(value) ? [name] : [],
    ),
  };
  const problems = Object.entries(named).flatMap(([setting, names]) =>
    names.filter((name) => !known.includes(name)).map((name) => `${setting}: there is no door "${name}"`),
  );
  if (problems.length > 0)
    throw new StartupError(`${problems.join('; ')}. The doors are ${known.join(', ')}.`);
}

/** Open contracts with their base URLs. */
export function openContracts(mounts: Mount[], publicUrl: string): { contract: Contract; urls: string[] }[] {
  const { protocol } = new URL(publicUrl);
  const urlOf = ({ host, prefix }: Mount) =>
    host === null ? `${publicUrl}${prefix}` : `${protocol}//${host}`;
  return [...Map.groupBy(mounts, ({ contract }) => contract)].map(([contract, mounted]) => ({
    contract,
    urls: mounted.map(urlOf),
  }));
}

interface Claim {
  owner: string;
  method: string;
  path: string;
}

/** The paths that a contract claims. */
const claimsOf = ({ name, basePath, operations, pages, openapiPath }: Contract): Claim[] => [
  ...operations.map(({ method, path }) => ({
    owner: name,
    method: method.toUpperCase(),
    path: `${basePath}${path}`,
  })),
  ...[...Object.keys(pages), openapiPath].map((path) => ({ owner: name, method: 'GET', path })),
];

/** Whether Postern's own routes cover `path`. */
function isReserved(path: string): boolean {
  const segments = path.split('/');
  return ROUTES.some(
    ({ prefix, claimable }) =>
      !claimable && overlap(prefix, segments.slice(0, prefix.split('/').length).join('/')),
  );
}

function refuseCollisions(contracts: Contract[]): void {
  const claims = contracts.flatMap(claimsOf);
  const reserved = claims.filter(({ path }) => isReserved(path));
  const twice = claims.flatMap((claim, index) =>
    claims
      .slice(0, index)
      .filter((other) => other.owner !== claim.owner && overlap(other.path, claim.path))
      .map(({ owner }) => `${claim.method} ${claim.path} (${owner} and ${claim.owner})`),
  );
  const collisions = [
    ...reserved.map(({ owner, method, path }) => `${method} ${path} (${owner} and Postern itself)`),
    ...new Set(twice),
  ];
  if (collisions.length === 0) return;
  throw new StartupError(
    `contracts.root: these routes are claimed twice: ${collisions.join(', ')}. Put only one of the doors there, or use contracts.hosts.`,
  );
}
