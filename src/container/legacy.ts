/** Gradual takeover of accounts, and the remaining uses of the old service. */
import type { Config } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Secrets } from '../core/secrets.ts';
import type { ForeignHashes } from '../domain/passwords/foreign.ts';
import type { PasswordHasher } from '../domain/passwords/hasher.ts';
import type { Message } from '../mail/messages.ts';
import type { Stores } from '../storage/stores.ts';
import type { Attributes } from '../domain/attributes/index.ts';
import { createLegacyAccounts, type LegacyAccounts, type ObserveSource } from '../domain/legacy/index.ts';
import { createMigration } from '../domain/migration.ts';
import { createOldTokens, type ObserveOldToken } from '../domain/old-tokens.ts';
import type { Rights } from '../domain/operators/rights.ts';
import type { SessionRevoker } from '../domain/session-revoker.ts';
import { createOutboundFetch, type OutboundFetch } from '../oidc/outbound/fetch.ts';

/** Dependencies of this and of the rest of the domain. */
export interface LegacyParts {
  config: Config;
  stores: Stores<Message>;
  hasher: PasswordHasher;
  foreignHashes: ForeignHashes;
  secrets: Secrets;
  clock: Clock;
  logger: Logger;
  /** Receives each request to a legacy source and each use of its tokens. */
  onSource: ObserveSource | undefined;
  onOldToken: ObserveOldToken | undefined;
}

/** Maximum bytes of a legacy source's reply. */
const MAX_REPLY = 131_072;

/** The fetch for legacy sources. @param timeout milliseconds. */
export const sourceFetch =
  ({ outbound }: Pick<Config, 'outbound'>) =>
  (timeout: number): OutboundFetch =>
    createOutboundFetch(outbound, { timeout, maxBytes: MAX_REPLY });

export const openOldTokens = ({
  config,
  stores,
  clock,
  logger,
  onOldToken,
  bringOver,
}: LegacyParts & Pick<LegacyAccounts, 'bringOver'>) =>
  createOldTokens({
    settings: config.oldTokens,
    store: stores.oldTokens,
    users: stores.users,
    bringOver,
    clock,
    logger,
    fetch: createOutboundFetch(config.outbound),
    observe: onOldToken,
  });

type LegacyDependencies = LegacyParts & {
  sessions: SessionRevoker;
  attributes: Pick<Attributes, 'adopt'>;
  rights: Pick<Rights, 'weightOf'>;
};

export const openLegacyAccounts = ({
  config,
  stores,
  foreignHashes,
  rights,
  onSource,
  ...rest
}: LegacyDependencies) =>
  createLegacyAccounts({
    ...rest,
    settings: config.legacySources,
    fetchWithin: sourceFetch(config),
    users: stores.users,
    imports: stores.imports,
    audit: stores.audit,
    inTransaction: stores.inTransaction,
    hashes: foreignHashes,
    issuerOf: () => undefined,
    isPrivileged: async (role) => (await rights.weightOf([role])).size > 0,
    observe: onSource,
  });

export const openMigration = ({
  config,
  stores,
  foreignHashes: hashes,
  clock,
  legacy,
}: LegacyParts & { legacy: LegacyAccounts }) =>
  createMigration({ stores, legacy, hashes, settings: config.oldTokens, clock });
