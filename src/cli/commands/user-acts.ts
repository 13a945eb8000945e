import { factorsOf, originOf, sessionOf } from '../../http/api/items.ts';
import { profileOf } from '../../http/api/profile.ts';
import type { AuditRecord } from '../../storage/audit.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { readSecret } from '../options.ts';
import { facts, type Report, shown, table } from '../report.ts';
import { nameOf, told, userJson, withUser } from '../user-report.ts';

/** Shows what an operator needs to know about an account. */
export const showUser = (name: string): Promise<Report> =>
  withUser(name, async (user, { mfa, accountSessions, attributes, findOrigins }) => {
    const [factors, sessions, apps, origins] = await Promise.all([
      mfa.status(user.id),
      accountSessions.list(user.id),
      accountSessions.apps(user.id),
      findOrigins(user.id),
    ]);
    const json = {
      ...profileOf(user, user.id, attributes.shown(user.attributes, 'operator')),
      ...userJson(user),
      origins: origins.map(originOf),
      factors: { ...factorsOf(factors), required: factors.required },
      sessions: sessions.length,
      apps: apps.map(({ clientId }) => clientId),
    };
    const { factors: _factors, origins: _origins, ...plain } = json;
    const lines = Object.entries(plain).map(([key, value]): [string, string] => [key, shown(value)]);
    const second = [...factors.totp, ...factors.passkeys].map((factor) => factor.name).join(', ');
    const codes = `${factors.recoveryCodesLeft} recovery codes`;
    const from = origins.map(
      ({ source, sourceId, importedAt }) => `${source}, ${sourceId}, imported ${importedAt.toISOString()}`,
    );
    lines.push(['origin', from.join('; ') || 'created here']);
    return { json, text: facts([...lines, ['factors', second === '' ? 'none' : `${second}; ${codes}`]]) };
  });

/**
 * Lists an account's sessions in browsers and on devices. @param end whether to end all sessions and the grants of
 * its apps.
 */
export const userSessions = (name: string, { end = false }: { end?: boolean }): Promise<Report> =>
  withUser(name, async (user, { access }) => {
    const sessions = await access.sessions(manager(), user.id);
    const ended = end ? await access.endSessions(manager(), user.id) : 0;
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
        : table(['kind', 'signed in', 'last seen', 'address', 'browser', 'apps'], rows),
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

/** Lists an account's events, newest first. */
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
      text: table(['time', 'type', 'outcome', 'actor', 'door', 'address', 'client'], rows),
    };
  });

/** Sets an account's role besides `user`; `user` removes all others. Ends its sessions and grants. */
export const setRole = (name: string, role: string): Promise<Report> =>
  withUser(name, async ({ id }, { assignments }) => {
    const user = await assignments.setRoles(manager(), id, ['user', role]);
    return told(user, `Assigned the role ${role} to`);
  });

/** Changes an account's email address. Sends a verification link unless the address is known to be theirs. */
export const setEmail = (
  name: string,
  email: string,
  { emailVerified = false }: { emailVerified?: boolean },
): Promise<Report> =>
  withUser(name, async ({ id }, { managedAccounts }) => {
    const user = await managedAccounts.update(manager(), id, { email, emailVerified });
    return told(user, `Set the address ${email} for`);
  });

interface ResetOptions {
  mail?: boolean;
  passwordStdin?: boolean;
  force?: boolean;
}

/** Sends a password-reset link, or sets a password chosen by the operator. */
export async function resetPassword(
  name: string,
  { mail = false, passwordStdin = false, force = false }: ResetOptions,
): Promise<Report> {
  if (mail ? passwordStdin || force : !passwordStdin && !force)
    throw new UsageError('Use one of --mail, --force and --password-stdin.');
  const password = passwordStdin ? await readSecret() : null;
  return withUser(name, async (user, { managedAccounts }) => {
    const how = { force, ...(password === null ? {} : { password }) };
    const changed = await managedAccounts.renewPassword(manager(), user.id, how);
    if (password !== null || force)
      return told(
        changed,
        password === null ? 'A new password is required at the next sign-in of' : 'Set the password of',
      );
    return told(user, `A link to choose a new password is being sent to ${user.email}, the address of`, {
      sent: true,
    });
  });
}

/** Removes all second factors of an account whose owner lost them. */
export const resetFactors = (name: string): Promise<Report> =>
  withUser(name, async (user, { access }) => {
    const removed = await access.removeFactors(manager(), user.id);
    return told(user, `Removed ${removed} second factors from`, { removed });
  });

/** Lifts the lockout that follows wrong passwords or codes. */
export const unlock = (name: string): Promise<Report> =>
  withUser(name, async ({ id }, { managedAccounts }) =>
    told(await managedAccounts.unlock(manager(), id), 'Unlocked'),
  );
