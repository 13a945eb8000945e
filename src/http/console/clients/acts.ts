import { oneLine } from '../../../core/text.ts';
import type { ConsoleCall } from '../call.ts';
import type { FormSpec, Question, Room } from '../room.ts';
import { word } from '../same.ts';
import { clientPath, showClient } from './client.ts';

const DAY = 86_400;
/** Lifetimes offered for a secret, in seconds; empty for one that never expires. */
const LIFETIMES = ['', 90, 180, 365].map((days) => (days === '' ? '' : String(Number(days) * DAY)));
const OVERLAPS = [0, DAY, 7 * DAY].map(String);

const write = {
  section: 'clients',
  permission: 'clients:write',
  fresh: true,
  back: (call: ConsoleCall) => clientPath(call.param('id')),
  trail: (call: ConsoleCall) => ({ clientId: [call.param('id')] }),
} as const satisfies FormSpec;

const find = (call: ConsoleCall) => call.services.clients.find(call.operator, call.param('id'));

/** The number of people who consented to a client, as shown on a page. */
async function peopleOf(call: ConsoleCall, id: string): Promise<string | null> {
  if (!call.may('users:read')) return null;
  const { items, nextCursor } = await call.services.clients.consents(call.operator, id, { limit: 100 });
  return `${items.length}${nextCursor === null ? '' : '+'}`;
}

/** Reads one of the offered lifetimes, in seconds; undefined for any other value. */
const seconds = (call: ConsoleCall, name: string, offered: readonly string[]): number | undefined => {
  const typed = call.field(name);
  return typed !== '' && offered.includes(typed) ? Number(typed) : undefined;
};

function secretRoutes({ form, confirm }: Room): void {
  form('/clients/:id/secrets', write, showClient, async (call) => {
    const client = await find(call);
    const made = await call.once(() =>
      call.services.clients.rotateSecret(call.operator, client.id, {
        overlap: seconds(call, 'overlap', OVERLAPS) ?? DAY,
        lifetime: seconds(call, 'lifetime', LIFETIMES) ?? null,
      }),
    );
    call.show('clients/secret', { app: client, made, path: clientPath(client.id) });
  });
  confirm(
    '/clients/:id/secrets/:sid/retire',
    { ...write, grade: 1 },
    async (call): Promise<Question> => {
      const client = await find(call);
      return {
        title: { key: 'console.secret.retireTitle', params: { id: call.param('sid') } },
        breaks: ['console.secret.retireBreaks'],
        verb: 'console.secret.retire',
        name: client.name,
        back: clientPath(client.id),
      };
    },
    async (call) => {
      const id = call.param('id');
      await call.services.clients.removeSecret(call.operator, id, call.param('sid'));
      call.done(clientPath(id), 'console.secret.retired');
    },
  );
}

export function clientActRoutes(room: Room): void {
  const { form, confirm } = room;
  secretRoutes(room);

  confirm(
    '/clients/:id/disable',
    { ...write, grade: 1 },
    async (call) => {
      const client = await find(call);
      const people = await peopleOf(call, client.id);
      return {
        title: { key: 'console.client.disableTitle', params: { name: oneLine(client.name) } },
        text: 'console.client.disableText',
        breaks: [
          'console.client.disableTokens',
          ...(people === null ? [] : [{ key: 'console.client.breaksPeople' as const, params: { people } }]),
        ],
        verb: 'console.client.disable',
        name: client.name,
        back: clientPath(client.id),
        version: client.version,
        same: {
          api: { method: 'POST', path: `/clients/${encodeURIComponent(client.id)}/disable` },
          cli: `postern client disable ${word(client.id)}`,
        },
      };
    },
    async (call) => {
      const { services, operator } = call;
      const id = call.param('id');
      const after = await services.clients.setEnabled(operator, id, false, call.expected);
      call.done(
        clientPath(id),
        { key: 'console.client.isDisabled', params: { name: oneLine(after.name) } },
        { action: `${clientPath(id)}/enable`, fields: { version: String(after.version) } },
      );
    },
  );

  form('/clients/:id/enable', write, null, async (call) => {
    const id = call.param('id');
    const after = await call.services.clients.setEnabled(call.operator, id, true, call.expected);
    call.done(clientPath(id), { key: 'console.client.isEnabled', params: { name: oneLine(after.name) } });
  });

  form('/clients/:id/identity-assertions/end', write, null, async (call) => {
    const before = await find(call);
    const { identity_assertions: policy } = before.metadata;
    const after = await call.services.clients.update(
      call.operator,
      before.id,
      { metadata: { identity_assertions: null } },
      call.expected,
    );
    call.done(clientPath(before.id), 'console.client.assertsEnded', {
      action: `${clientPath(before.id)}/metadata`,
      fields: {
        metadata: JSON.stringify({ ...after.metadata, identity_assertions: policy }, null, 2),
        version: String(after.version),
      },
    });
  });

  confirm(
    '/clients/:id/delete',
    { ...write, grade: 2 },
    async (call) => {
      const client = await find(call);
      const people = await peopleOf(call, client.id);
      return {
        title: { key: 'console.client.deleteTitle', params: { name: oneLine(client.name) } },
        text: 'console.client.deleteText',
        breaks: [
          'console.client.deleteTokens',
          ...(people === null ? [] : [{ key: 'console.client.breaksPeople' as const, params: { people } }]),
        ],
        verb: 'console.client.delete',
        name: client.name,
        back: clientPath(client.id),
        version: client.version,
        same: {
          api: { method: 'DELETE', path: `/clients/${encodeURIComponent(client.id)}` },
          cli: `postern client delete ${word(client.id)}`,
        },
      };
    },
    async (call, reason) => {
      const client = await find(call);
      await call.services.clients.remove(call.operator, client.id, call.expected, reason);
      call.done('/admin/clients', { key: 'console.client.deleted', params: { name: oneLine(client.name) } });
    },
  );
}
