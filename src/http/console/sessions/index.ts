import { displayClient } from '../../pages/client-display.ts';
import { seeOther } from '../../pages/replies.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';
import { forEach } from '../users/people.ts';

/** Person and session, combined as one id of a row. */
const SEPARATOR = ' ';

const idsOf = (call: ConsoleCall): string[] =>
  (call.ctx.method === 'POST' ? call.ticked : [...new Set([call.ctx.query['id'] ?? []].flat())])
    .filter((id) => id.includes(SEPARATOR))
    .slice(0, 100);

/** Browser sessions, ended one by one or by selection. */
export function sessionRoutes({ page, form, confirm }: Room): void {
  page('/sessions', { section: 'sessions' }, async (call) => {
    const { services, operator } = call;
    const list = call.listing([]);
    const { limit, cursor } = list;
    const found = await services.access.allSessions(operator, { limit, cursor });
    const clientIds = [...new Set(found.items.flatMap((session) => session.clientIds))];
    const names = new Map(
      await Promise.all(
        clientIds.map(async (clientId): Promise<[string, string]> => {
          const client = (await services.describeClient(clientId)) ?? { clientId };
          return [clientId, displayClient(client, true).name];
        }),
      ),
    );
    call.show('sessions/list', {
      list: list.view(found),
      rows: found.items.map(
        ({ user, uid, browser, system, ip, clientIds: apps, signedInAt, seenAt, viewedBy }) => ({
          href: call.may('users:read') ? call.path('users', user.id) : undefined,
          id: `${user.id}${SEPARATOR}${uid}`,
          name: user.name ?? user.email,
          cells: [
            {
              text: user.name ?? user.email,
              hint: user.name === null ? undefined : user.email,
              tile: 'person',
            },
            viewedBy === undefined
              ? { text: [browser, system].filter(Boolean).join(' · ') }
              : { badge: 'sessions.view', tone: 'alert' },
            { code: ip ?? '' },
            { text: apps.map((app) => names.get(app) ?? app).join(', ') },
            { at: signedInAt },
            { at: seenAt },
          ],
        }),
      ),
    });
  });

  form('/sessions/end', { section: 'sessions', permission: 'sessions:write' }, null, (call) => {
    if (call.ticked.length === 0) return call.failed(call.path('sessions'), 'console.bulk.none');
    const query = new URLSearchParams(call.ticked.map((id): [string, string] => ['id', id]));
    return seeOther(call.ctx, `/admin/sessions/end/confirm?${query.toString()}`);
  });
  confirm(
    '/sessions/end/confirm',
    { section: 'sessions', permission: 'sessions:write', grade: 1 },
    async (call) => {
      const ids = idsOf(call);
      return {
        title: { key: 'console.sessions.endTitle', params: { count: ids.length } },
        breaks: [
          {
            key: 'console.sessions.breaks',
            params: { count: new Set(ids.map((id) => id.split(SEPARATOR)[0])).size },
          },
        ],
        verb: 'console.users.endSessions',
        name: String(ids.length),
        back: call.path('sessions'),
        hidden: { id: ids },
      };
    },
    async (call) => {
      const { services, operator } = call;
      const outcomes = await forEach(call, 'console end sessions', idsOf(call), async (id) => {
        const [accountId = '', uid = ''] = id.split(SEPARATOR);
        const seeing = { ...operator, permissions: new Set(['users:read'] as const) };
        const person = await services.people.find(seeing, accountId);
        await services.access.endSession(operator, accountId, uid);
        return person.name ?? person.email;
      });
      call.show('users/outcomes', {
        title: 'console.users.endSessions',
        outcomes,
        back: call.path('sessions'),
      });
    },
  );
}
