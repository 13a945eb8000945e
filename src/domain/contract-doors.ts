import type { ContractSettings } from '../config/index.ts';
import { DomainError } from '../core/errors.ts';
import { inTurn } from '../core/in-turn.ts';
import type { ContractStateRecord, ContractStates } from '../storage/settings.ts';
import type { Announce } from '../storage/postgres/notifications.ts';
import type { Stores } from '../storage/stores.ts';
import { checkVersion, type Expected, type Operator, requirePermission } from './operators/operator.ts';

/** A contract as operators see it, open or not. */
export interface ContractDescription {
  name: string;
  title: string;
  /** Of its document. */
  documentVersion: string;
  /** Where it answers while open. */
  urls: string[];
  basePath: string;
  /** What the contract reveals to strangers because its document requires it. */
  givesAway: string[];
  /** The paths of its pages and its OpenAPI document. */
  pages: string[];
  openapiPath: string;
  /** Its operations by id, as its document has them: `POST /api/v1/auth/login`. */
  endpoints: ReadonlyMap<string, string>;
}

export interface ContractDoor extends ContractDescription {
  open: boolean;
  /** Whether the configuration opens it. */
  configured: boolean;
  /** Why it cannot be closed; null when it can. */
  forced: string | null;
  version: number;
}

/** Which contracts are open: by configuration, and by what operators changed since. */
export interface ContractDoors {
  /** As last read. */
  isOpen(name: string): boolean;
  /** Reloads what operators changed. */
  load(): Promise<void>;
  /** The names of open contracts. @param others to treat as open as well. */
  openOnes(others?: ReadonlyMap<string, boolean>): Promise<string[]>;
  /** @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<ContractDoor[]>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, name: string): Promise<ContractDoor>;
  /**
   * Opens or closes a contract on all nodes at once. A closed contract answers 404, and its tokens are not refreshed.
   * @throws DomainError insufficient_scope, not_found, precondition_failed, configured when the configuration fixes
   * the state.
   */
  set(operator: Operator, name: string, open: boolean, expected?: Expected): Promise<ContractDoor>;
}

/** All contracts, and which cannot be combined. */
export interface ContractCatalogue {
  all: readonly ContractDescription[];
  /** Why `open` cannot be open together; null when they can. */
  conflict(open: readonly string[]): string | null;
}

export function createContractDoors({
  store,
  settings: { enabled, hosts },
  catalogue,
  audit,
  inTransaction,
  announce,
}: Pick<Stores, 'audit' | 'inTransaction'> & {
  store: ContractStates;
  settings: Pick<ContractSettings, 'enabled' | 'hosts'>;
  /** Loaded on first use: most commands don't need it. */
  catalogue(): Promise<ContractCatalogue>;
  announce: Announce;
}): ContractDoors {
  let states: ReadonlyMap<string, boolean> = new Map();

  const isConfigured = (name: string) => enabled === 'all' || enabled.includes(name);
  const hostOf = (name: string) => Object.entries(hosts).find(([, shown]) => shown === name)?.[0];
  const isOpenBy = (name: string, stored: ReadonlyMap<string, boolean>) =>
    hostOf(name) !== undefined || (stored.get(name) ?? isConfigured(name));
  const read = async () => new Map((await store.list()).map(({ name, open }) => [name, open]));

  const doorOf = (one: ContractDescription, state: ContractStateRecord | undefined): ContractDoor => {
    const host = hostOf(one.name);
    const stored = new Map(state && [[state.name, state.open]]);
    return {
      ...one,
      open: isOpenBy(one.name, stored),
      configured: isConfigured(one.name),
      forced: host === undefined ? null : `contracts.hosts publishes it at ${host}`,
      version: state?.version ?? 1,
    };
  };
  const described = async (name: string) => {
    const found = (await catalogue()).all.find((one) => one.name === name);
    if (!found) throw new DomainError('not_found');
    return found;
  };

  const openOnes = async (others: ReadonlyMap<string, boolean> = new Map()) => {
    const stored = new Map([...(await read()), ...others]);
    return (await catalogue()).all.map(({ name }) => name).filter((name) => isOpenBy(name, stored));
  };

  return {
    isOpen: (name) => isOpenBy(name, states),
    openOnes,
    load: inTurn(async () => void (states = await read())),
    async list(operator) {
      requirePermission(operator, 'contracts:read');
      const [{ all }, stored] = await Promise.all([catalogue(), store.list()]);
      return all.map((one) =>
        doorOf(
          one,
          stored.find(({ name }) => name === one.name),
        ),
      );
    },
    async find(operator, name) {
      requirePermission(operator, 'contracts:read');
      const found = await described(name);
      return doorOf(
        found,
        (await store.list()).find((state) => state.name === name),
      );
    },
    async set(operator, name, open, expected) {
      requirePermission(operator, 'contracts:write');
      const found = await described(name);
      const host = hostOf(name);
      if (!open && host !== undefined)
        throw new DomainError('configured', { reason: `contracts.hosts publishes it at ${host}` });
      return inTransaction(async (tx) => {
        const before = await store.lock(name, isConfigured(name), tx);
        checkVersion(before, expected);
        if (before.open === open) return doorOf(found, before);
        const conflict = (await catalogue()).conflict(await openOnes(new Map([[name, open]])));
        if (open && conflict !== null) throw new DomainError('configured', { reason: conflict });
        const after = await store.set(name, open, tx);
        await audit.record(
          {
            type: open ? 'contract.opened' : 'contract.closed',
            details: { contract: name, before: { open: before.open }, after: { open } },
          },
          operator.actor,
          tx,
        );
        await announce(tx);
        return doorOf(found, after);
      });
    },
  };
}
