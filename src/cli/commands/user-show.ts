import { factorsOf, sessionOf } from '../../http/api/items.ts';
import { profileOf } from '../../http/api/profile.ts';
import type { AuditRecord } from '../../storage/audit.ts';
import { operator } from '../operator.ts';
import { facts, type Report, shown, table } from '../report.ts';
import { nameOf, userJson, withUser } from '../user-report.ts';

/** All that an operator has to know of an account to help. */
export const showUser = (name: string): Promise<Report> =>
  withUser(name, async (user, { mfa, accountSessions, attributes }) => {
    const [factors, sessions, apps] = await Promise.all([
      mfa.status(user.id),
      accountSessions.list(user.id),
      accountSessions.apps(user.id),
    ]);
    const json = {
      ...profileOf(user, user.id, attributes.shown(user.attributes, 'operator')),
      ...userJson(user),
      factors: { ...factorsOf(factors), required: factors.required },
      sessions: sessions.length,
      apps: apps.map(({ clientId }) => clientId),
    };
    const { factors: _factors, ...plain } = json;
    const lines = Object.entries(plain).map(([key, value]): [string, string] => [key, shown(value)]);
    const second = [...factors.totp, ...factors.passkeys].map((factor) => factor.name).join(', ');
    const codes = `${factors.recoveryCodesLeft} recovery codes`;
    return { json, text: facts([...lines, ['factors', second === '' ? 'none' : `${second}; ${codes}`]]) };
  });

/** Where an account is signed in, browsers and devices. @param end whether it is signed out of all, with what acts for it. */
export const userSessions = (name: string, { end = false }: { end?: boolean }): Promise<Report> =>
  withUser(name, async (user, { accountSessions }) => {
    const sessions = await accountSessions.list(user.id);
    const ended = end ? await accountSessions.endOthers(user.id, null, operator()) : 0;
    const rows = sessions.map((session) => [
      session.kind,
      session.signedInAt.toISOString(),
      session.seenAt?.toISOString() ?? '-',
      session.ip ?? '-',
      [session.browser, session.system].filter(Boolean).join(', ') || '-',
      session.clientIds.join(' '),
    ]);
    return {
      json: { id: user.id, sessions: sessions.map(sessionOf), ended },
      text: end
        ? `Ended ${ended} sessions of ${nameOf(user)}.`
        : table(['what', 'signed in', 'seen', 'address', 'browser', 'apps'], rows),
    };
  });

const eventJson = (event: AuditRecord) => ({
  id: event.id,
  type: event.type,
  outcome: event.outcome,
  at: event.at.toISOString(),
  actor: { kind: event.actor.kind, id: event.actor.id },
  client_id: event.clientId,
  door: event.actor.door,
  ip: event.actor.ip,
  user_agent: event.actor.userAgent,
  request_id: event.actor.requestId,
  details: event.details,
});

/** What happened to an account, the newest first. */
export const userAudit = (
  name: string,
  { limit, after }: { limit: number; after?: string },
): Promise<Report> =>
  withUser(name, async (user, { stores: { audit } }) => {
    const events = await audit.list({
      subject: user.id,
      limit,
      ...(after === undefined ? {} : { after }),
    });
    const rows = events.map(({ at, type, outcome, actor, clientId }) => [
      at.toISOString(),
      type,
      outcome,
      actor.kind,
      actor.door,
      actor.ip ?? '-',
      clientId ?? '-',
    ]);
    const next = events.length < limit ? null : (events.at(-1)?.id ?? null);
    return {
      json: { id: user.id, events: events.map(eventJson), next_cursor: next },
      text: table(['at', 'what', 'outcome', 'by', 'door', 'address', 'client'], rows),
    };
  });
