import type { Audit, AuditRecord } from '../storage/audit.ts';
import { type Device, deviceOf } from './notices/device.ts';

/** Something that happened to an account, as far as its owner is told. */
export type AccountEvent = Pick<AuditRecord, 'type' | 'outcome' | 'at'> &
  Device & { door: string; ip: string | null; clientId: string | null };

/** What happened to an account, newest first. */
export type History = (accountId: string, limit: number) => Promise<AccountEvent[]>;

export const createHistory =
  (audit: Pick<Audit, 'list'>): History =>
  async (subject, limit) =>
    (await audit.list({ subject, limit })).map(({ type, outcome, at, clientId, actor }) => ({
      type,
      outcome,
      at,
      clientId,
      door: actor.door,
      ip: actor.ip,
      ...deviceOf(actor.userAgent),
    }));
