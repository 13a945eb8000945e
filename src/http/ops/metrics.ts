import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LegacyAccounts } from '../../domain/legacy/index.ts';
import type { Migration } from '../../domain/migration.ts';
import type { PasswordHasher } from '../../domain/passwords/hasher.ts';
import type { Answered } from '../listener.ts';
import { exposition } from './cluster-metrics.ts';

/** The metrics. Every method takes about a microsecond and works without `this`. */
export interface Metrics {
  /** @param label of the route or contract that answered. */
  answered(answered: Pick<Answered, 'status' | 'duration'>, label: string): void;
  /** @param outcome `success` or the code of an error. */
  login(outcome: string): void;
  /** @param outcome `success` or the OAuth error code. */
  grant(grantType: string, outcome: string): void;
  /** @param outcome as above. */
  authorization(outcome: string): void;
  /** Counts a request to a legacy source. @param outcome `right`, `refused`, or what failed. */
  source(source: string, outcome: string, seconds: number): void;
  /** Counts a use of an old service's token. @param kind `access`, `refresh` or `refused`. */
  oldToken(door: string, kind: string): void;
  /** Reports which legacy sources are skipped after failures, and the progress of the migration. Called once. */
  watchMigration(legacy: Pick<LegacyAccounts, 'states'>, migration: Pick<Migration, 'counts'>): void;
  /** Measures a call to a store. */
  store(store: string, operation: string, seconds: number): void;
  /** Reports how many passwords are being hashed or waiting for it. Called once. */
  watchHasher(hasher: Pick<PasswordHasher, 'running' | 'waiting'>): void;
  /** All metrics in Prometheus' text format; of all workers, if there are several. */
  text(): Promise<string>;
  contentType: string;
}

const PREFIX = 'postern_';
const DURATIONS = `${PREFIX}http_request_duration_seconds`;
const BUCKETS = {
  requests: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  stores: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
};

/** Creates each value once per pair of keys. */
function byPair<Second, Value>(make: (first: string, second: Second) => Value) {
  const made = new Map<string, Map<Second, Value>>();
  return (first: string, second: Second): Value => {
    let row = made.get(first);
    if (!row) made.set(first, (row = new Map<Second, Value>()));
    let value = row.get(second);
    if (value === undefined) row.set(second, (value = make(first, second)));
    return value;
  };
}

/** The metrics of one process, in their own registry. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: PREFIX });

  const durations = new Histogram({
    name: DURATIONS,
    help: 'Time from a request to the end of its reply, by door and status',
    labelNames: ['door', 'status'],
    buckets: BUCKETS.requests,
    registers,
  });
  void new Counter({
    name: `${PREFIX}http_requests_total`,
    help: 'Requests answered, by door and status',
    labelNames: ['door', 'status'],
    registers,
    // The histogram has counted them.
    async collect() {
      const { values } = await durations.get();
      this.reset();
      for (const { metricName, labels, value } of values)
        if (metricName === `${DURATIONS}_count`) this.inc(labels, value);
    },
  });
  const logins = new Counter({
    name: `${PREFIX}logins_total`,
    help: 'Password logins, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const grants = new Counter({
    name: `${PREFIX}grants_total`,
    help: 'Requests to the token endpoint, by grant type and outcome',
    labelNames: ['grant_type', 'outcome'],
    registers,
  });
  const authorizations = new Counter({
    name: `${PREFIX}authorizations_total`,
    help: 'Authorization requests that ended, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const stores = new Histogram({
    name: `${PREFIX}store_duration_seconds`,
    help: 'Time of a call to a store, by store and operation',
    labelNames: ['store', 'operation'],
    buckets: BUCKETS.stores,
    registers,
  });

  const sources = new Histogram({
    name: `${PREFIX}legacy_source_duration_seconds`,
    help: 'Time of a request to a legacy source, by source and outcome',
    labelNames: ['source', 'outcome'],
    buckets: BUCKETS.requests,
    registers,
  });

  const oldTokens = new Counter({
    name: `${PREFIX}old_tokens_total`,
    help: 'Tokens of old services that were presented, by door and outcome',
    labelNames: ['door', 'kind'],
    registers,
  });

  const request = byPair((door: string, status: number) => durations.labels(door, String(status)));
  const call = byPair((store: string, operation: string) => stores.labels(store, operation));
  return {
    answered: ({ status, duration }, label) => request(label, status).observe(duration / 1000),
    login: (outcome) => logins.inc({ outcome }),
    grant: (grantType, outcome) => grants.inc({ grant_type: grantType, outcome }),
    authorization: (outcome) => authorizations.inc({ outcome }),
    source: (source, outcome, seconds) => sources.labels(source, outcome).observe(seconds),
    oldToken: (door, kind) => oldTokens.inc({ door, kind }),
    watchMigration(legacy, migration) {
      // Every worker counts the same accounts.
      const counted = { registers, aggregator: 'max' } as const;
      void new Gauge({
        name: `${PREFIX}migration_accounts`,
        help: 'Accounts that moved from other services, by source and way',
        labelNames: ['source', 'way'],
        ...counted,
        async collect() {
          for (const { source, way, accounts } of (await migration.counts()).moved)
            this.set({ source, way }, accounts);
        },
      });
      void new Gauge({
        name: `${PREFIX}migration_not_come`,
        help: 'Imported accounts that have not signed in here since',
        ...counted,
        async collect() {
          this.set((await migration.counts()).notCome);
        },
      });
      void new Gauge({
        name: `${PREFIX}migration_old_hashes`,
        help: 'Accounts with a password hash of another service, by format',
        labelNames: ['format'],
        ...counted,
        async collect() {
          this.reset();
          for (const { format, accounts } of (await migration.counts()).oldHashes)
            this.set({ format }, accounts);
        },
      });
      if (legacy.states().length === 0) return;
      void new Gauge({
        name: `${PREFIX}legacy_source_open`,
        help: 'Processes that do not ask a legacy source for a while, after failures',
        labelNames: ['source'],
        registers,
        collect() {
          for (const { name, isOpen } of legacy.states()) this.set({ source: name }, isOpen ? 1 : 0);
        },
      });
    },
    store: (store, operation, seconds) => call(store, operation).observe(seconds),
    watchHasher(hasher) {
      for (const state of ['running', 'waiting'] as const) {
        void new Gauge({
          name: `${PREFIX}password_hashes_${state}`,
          help: `Password hashes ${state}`,
          registers,
          collect() {
            this.set(hasher[state]);
          },
        });
      }
    },
    text: exposition(registry),
    contentType: registry.contentType,
  };
}
