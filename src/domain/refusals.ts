import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import type { ClientRecord } from '../storage/clients.ts';
import type { AccountRefusalRow, RefusalRow } from '../storage/refusals.ts';
import type { Stores } from '../storage/stores.ts';
import { type Operator, requirePermission } from './operators/operator.ts';
import { adviceOn, type Fix, fixOf } from './refusal-advice.ts';

/** A refused request: only text, of bounded length, without secrets and control characters. */
export interface Refusal {
  /** The endpoint, as discovery names it, without `_endpoint`. */
  endpoint: string;
  /** The OAuth error code. */
  error: string;
  /** The cause in the request: a parameter, a header, or a property of the client's metadata. */
  parameter: string | null;
  /** Its value, unless it is a secret. */
  value: string | null;
  /** The precise reason, which the client is not always told. */
  reason: string;
  /** The request's X-Request-Id. */
  requestId: string;
}

/** A refusal with advice. */
export interface ExplainedRefusal extends Omit<RefusalRow, 'fingerprint'> {
  clientName: string;
  /** In English. */
  advice: string;
  fix: Fix | null;
}

/** The latest refusals of each client, for its developers, and of each person, for support. */
export interface Refusals extends PeriodicWriter {
  /** Records one in memory. @param accountId the person whose request it was, if known for sure. */
  note(clientId: string, refusal: Refusal, accountId?: string): void;
  /** A client's, latest first, of all processes. @throws DomainError insufficient_scope, client_not_found. */
  ofClient(operator: Operator, clientId: string): Promise<ExplainedRefusal[]>;
  /**
   * A person's, of any client, latest first. Fixes are only for those who may read clients.
   * @throws DomainError insufficient_scope, user_not_found.
   */
  ofAccount(operator: Operator, accountId: string): Promise<ExplainedRefusal[]>;
}

/** Milliseconds between two writes. */
const INTERVAL = 1_000;
/** Strangers cause these rows: maximum of kinds, and of rows of each kind, latest first. */
const MAX_WAITING = { kinds: 500, alike: 5 };

const fingerprintOf = ({ endpoint, error, parameter, value, reason }: Refusal): string =>
  sha256(JSON.stringify([endpoint, error, parameter, value, reason]));

/** Rows that wait to be written, within bounds; equal ones are merged. */
function createWaiting<Row extends RefusalRow>() {
  /** By kind, then by fingerprint, latest last. */
  let waiting = new Map<string, Map<string, Row>>();
  return {
    add(whose: string, row: Row): void {
      const kind = JSON.stringify([whose, row.clientId, row.endpoint, row.error, row.parameter]);
      const alike = waiting.get(kind) ?? new Map<string, Row>();
      if (alike.size === 0 && waiting.size >= MAX_WAITING.kinds) return;
      waiting.set(kind, alike);
      const { count = 0, firstAt = row.firstAt } = alike.get(row.fingerprint) ?? {};
      alike.delete(row.fingerprint);
      const [oldest] = alike.keys();
      if (alike.size >= MAX_WAITING.alike && oldest !== undefined) alike.delete(oldest);
      alike.set(row.fingerprint, { ...row, count: count + 1, firstAt });
    },
    /** Takes all of them. */
    take(): Row[] {
      const rows = [...waiting.values()].flatMap((alike) => [...alike.values()]);
      waiting = new Map();
      return rows;
    },
  };
}

export function createRefusals({
  store,
  clients,
  users,
  clock,
  logger,
}: Pick<Stores, 'clients' | 'users'> & {
  store: Stores['refusals'];
  clock: Clock;
  logger: Logger;
}): Refusals {
  const ofClients = createWaiting<RefusalRow>();
  const ofAccounts = createWaiting<AccountRefusalRow>();

  async function write(): Promise<void> {
    const rows = ofClients.take();
    if (rows.length > 0) await store.add(rows);
    const personal = ofAccounts.take();
    if (personal.length > 0) await store.addPersonal(personal);
  }

  const explain = (
    { fingerprint: _fingerprint, ...row }: RefusalRow,
    client: ClientRecord,
    mayFix: boolean,
  ): ExplainedRefusal => ({
    ...row,
    clientName: client.name,
    advice: adviceOn(row, client),
    fix: mayFix ? fixOf(row, client) : null,
  });

  return {
    note(clientId, refusal, accountId) {
      const at = new Date(clock.now());
      const fingerprint = fingerprintOf(refusal);
      const row = { clientId, fingerprint, ...refusal, count: 0, firstAt: at, lastAt: at };
      ofClients.add('', row);
      if (accountId !== undefined) ofAccounts.add(accountId, { ...row, accountId });
    },
    async ofClient(operator, clientId) {
      requirePermission(operator, 'clients:read');
      const client = await clients.find(clientId);
      if (!client) throw new DomainError('client_not_found');
      return (await store.list(clientId)).map((row) => explain(row, client, true));
    },
    async ofAccount(operator, accountId) {
      requirePermission(operator, 'users:read');
      if (!(await users.findById(accountId))) throw new DomainError('user_not_found');
      const mayFix = operator.permissions.has('clients:read');
      const rows = await store.listPersonal(accountId);
      const ids = [...new Set(rows.map(({ clientId }) => clientId))];
      const found = await Promise.all(ids.map((id) => clients.find(id)));
      const byId = new Map(found.flatMap((client) => (client ? [[client.id, client]] : [])));
      return rows.flatMap(({ accountId: _accountId, ...row }) => {
        const client = byId.get(row.clientId);
        return client ? [explain(row, client, mayFix)] : [];
      });
    },
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      // Losing some is acceptable: the log has them too.
      logger.warn({ err: error }, 'refusals were not written'),
    ),
  };
}
