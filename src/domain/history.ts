import { isUuid } from '../core/ids.ts';
import type { Audit, AuditRecord } from '../storage/audit.ts';
import { type Device, deviceOf } from './notices.ts';

/** An event of an account, as its owner may see it. */
export type AccountEvent = Pick<AuditRecord, 'id' | 'type' | 'outcome' | 'at'> &
  Device & { door: string; ip: string | null; clientId: string | null };

/** What happened to an account, newest first. `after` is the id of the last one seen; what is none finds nothing. */
export type History = (
  accountId: string,
  options: { limit: number; after?: string | undefined },
) => Promise<AccountEvent[]>;

export const createHistory =
  (audit: Pick<Audit, 'list'>): History =>
  async (subject, { limit, after }) => {
    if (after !== undefined && !isUuid(after)) return [];
    const records = await audit.list({ subject, limit, ...(after === undefined ? {} : { after }) });
    return records.map(({ id, type, outcome, at, clientId, actor }) => ({
      id,
      type,
      outcome,
      at,
      clientId,
      door: actor.door,
      ip: actor.ip,
      ...deviceOf(actor.userAgent),
    }));
  };
