// raw-sql: a race; the statement that ends a session also queues its notices.
import type { Pool } from 'pg';
import { createQueue, type Queue } from './outbox.ts';
import { CHANNEL } from './postgres/notifications.ts';

/** The kind of logout notices in the outbox, and their notification topic. */
export const LOGOUT_TOPIC = 'logout';

/** A notice to a client that a session ended (OpenID Connect Back-Channel Logout 1.0). */
export interface LogoutNotice {
  clientId: string;
  accountId: string;
  /** The client's `sid` of the session. */
  sid: string;
}

/**
 * Part of a statement that ends sessions: queues a notice for each of their clients, atomically. A client gets at most one
 * notice for its part in a session.
 * @param from a CTE with `account_id` and `authorizations` of the sessions.
 * @param kept SQL for the `authorizations` that continue: their clients get no notice.
 */
export const leavingNotices = (from: string, kept = `'{}'::jsonb`): string => `
  insert into outbox (id, kind, recipient, cause, content)
  select gen_random_uuid(), '${LOGOUT_TOPIC}', app.key, 'logout:' || (app.value ->> 'sid'),
    convert_to(json_build_object(
      'clientId', app.key, 'accountId', ${from}.account_id, 'sid', app.value ->> 'sid')::text, 'UTF8')
  from ${from}
  cross join lateral jsonb_each(coalesce(${from}.authorizations, '{}')) as app
  join clients on clients.id = app.key and clients.metadata ->> 'backchannel_logout_uri' is not null
  where ${from}.account_id is not null and app.value ->> 'sid' is not null
    and (coalesce(${kept}, '{}') -> app.key ->> 'sid') is distinct from (app.value ->> 'sid')
  on conflict (cause) do nothing
  returning pg_notify('${CHANNEL}', '${LOGOUT_TOPIC}:')`;

/** Queued notices. They hold no secret, so they are not encrypted: SQL alone writes them. */
export const createLogoutNotices = (pool: Pool): Queue<LogoutNotice> =>
  createQueue(pool, LOGOUT_TOPIC, (content) => JSON.parse(content.toString('utf8')) as LogoutNotice);
