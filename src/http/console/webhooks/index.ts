import type { Webhook } from '../../../domain/operators/webhooks.ts';
import { DELIVERY_STATUSES, EVENTS } from '../../../domain/operators/webhooks.ts';
import type { ConsoleCall } from '../call.ts';
import type { FilterSpec } from '../lists.ts';
import type { Room } from '../room.ts';

const DELIVERIES: readonly FilterSpec[] = [
  {
    name: 'status',
    label: 'console.webhooks.status',
    type: 'select',
    options: DELIVERY_STATUSES.map((value) => ({ value, label: { text: value } })),
  },
  { name: 'type', label: 'console.webhooks.type' },
];

/** Seconds that a former secret keeps signing beside the new one. */
const OVERLAP = 86_400;

const byId = (call: ConsoleCall): Promise<Webhook> =>
  call.services.webhooks.find(call.operator, call.param('id'));
const pathOf = (call: ConsoleCall) => call.path('webhooks', call.param('id'));

/** Event types as they are typed: separated by spaces, commas or lines. */
const typesOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

async function list(call: ConsoleCall): Promise<void> {
  const listing = call.listing([]);
  const { limit, cursor } = listing;
  const page = await call.services.webhooks.list(call.operator, { limit, cursor });
  call.show('webhooks/list', { list: listing.view(page), items: page.items });
}

async function showOne(call: ConsoleCall): Promise<void> {
  const webhook = await byId(call);
  const listing = call.listing(DELIVERIES);
  const { limit, cursor } = listing;
  const status = DELIVERY_STATUSES.find((one) => one === listing.value('status'));
  const page = await call.services.webhooks.deliveries(call.operator, webhook.id, {
    limit,
    cursor,
    filters: { type: listing.values('type'), ...(status && { status: [status] }) },
  });
  call.show('webhooks/one', { webhook, list: listing.view(page), deliveries: page.items });
}

const showNew = (call: ConsoleCall): void => call.show('webhooks/new', { types: Object.entries(EVENTS) });

async function showEdit(call: ConsoleCall): Promise<void> {
  call.show('webhooks/edit', { webhook: await byId(call), types: Object.entries(EVENTS) });
}

async function showDelivery(call: ConsoleCall): Promise<void> {
  const [webhook, delivery] = await Promise.all([
    byId(call),
    call.services.webhooks.findDelivery(call.operator, call.param('id'), call.param('did')),
  ]);
  call.show('webhooks/delivery', { webhook, delivery });
}

/** Webhook endpoints. */
export function webhookRoutes({ page, form, confirm }: Room): void {
  const spec = { section: 'webhooks', permission: 'webhooks:write' } as const;
  const onOne = { ...spec, back: pathOf } as const;
  const named = ({ description, url }: Pick<Webhook, 'description' | 'url'>) =>
    description === '' ? new URL(url).host : description;

  page('/webhooks', { section: 'webhooks' }, list);
  page('/webhooks/:id', { section: 'webhooks' }, showOne);
  page('/webhooks/:id/edit', spec, showEdit);
  page('/webhooks/:id/deliveries/:did', { section: 'webhooks' }, showDelivery);
  page('/webhooks/new', spec, showNew);

  form('/webhooks/new', { ...spec, fresh: true }, showNew, async (call) => {
    const made = await call.once(() =>
      call.services.webhooks.create(call.operator, {
        url: call.field('url'),
        description: call.field('description'),
        eventTypes: typesOf(call.field('event_types')),
      }),
    );
    call.show('webhooks/secret', { made });
  });
  form('/webhooks/:id/edit', { ...onOne, trail: () => ({ type: ['webhook.*'] }) }, showEdit, async (call) => {
    const before = await byId(call);
    const webhook = await call.services.webhooks.update(
      call.operator,
      call.param('id'),
      {
        url: call.field('url'),
        description: call.field('description'),
        eventTypes: typesOf(call.field('event_types')),
      },
      call.expected,
    );
    const back = {
      url: before.url,
      description: before.description,
      event_types: before.eventTypes.join(' '),
      version: String(webhook.version),
    };
    call.done(
      pathOf(call),
      { key: 'console.webhooks.changed', params: { name: named(webhook) } },
      {
        action: `${pathOf(call)}/edit`,
        fields: back,
      },
    );
  });
  form('/webhooks/:id/enable', onOne, null, async (call) => {
    const webhook = await call.services.webhooks.update(call.operator, call.param('id'), { enabled: true });
    call.done(pathOf(call), { key: 'console.webhooks.nowOn', params: { name: named(webhook) } });
  });
  confirm(
    '/webhooks/:id/disable',
    { ...onOne, grade: 1 },
    async (call) => {
      const webhook = await byId(call);
      return {
        title: { key: 'console.webhooks.disableTitle', params: { name: named(webhook) } },
        breaks: [{ key: 'console.webhooks.disableBreaks', params: { types: webhook.eventTypes.join(', ') } }],
        verb: 'console.webhooks.disable',
        name: webhook.url,
        back: pathOf(call),
        version: webhook.version,
        same: {
          api: { method: 'POST', path: `/webhooks/${webhook.id}/disable` },
          cli: `postern webhook disable ${webhook.id}`,
        },
      };
    },
    async (call) => {
      const changes = { enabled: false };
      const webhook = await call.services.webhooks.update(
        call.operator,
        call.param('id'),
        changes,
        call.expected,
      );
      call.done(
        pathOf(call),
        { key: 'console.webhooks.nowOff', params: { name: named(webhook) } },
        {
          action: `${pathOf(call)}/enable`,
          fields: {},
        },
      );
    },
  );
  form('/webhooks/:id/test', onOne, null, async (call) => {
    const { id } = await call.services.webhooks.test(call.operator, call.param('id'));
    call.done(`${pathOf(call)}/deliveries/${id}`, 'console.webhooks.tested');
  });
  form('/webhooks/:id/deliveries/:did/replay', onOne, null, async (call) => {
    const { id } = await call.services.webhooks.replay(call.operator, call.param('id'), call.param('did'));
    call.done(`${pathOf(call)}/deliveries/${id}`, 'console.webhooks.replayed');
  });
  confirm(
    '/webhooks/:id/rotate-secret',
    { ...onOne, fresh: true, grade: 1 },
    async (call) => {
      const webhook = await byId(call);
      return {
        title: { key: 'console.webhooks.rotateTitle', params: { name: named(webhook) } },
        text: 'console.webhooks.rotateText',
        breaks: ['console.webhooks.rotateBreaks'],
        verb: 'console.webhooks.rotate',
        name: webhook.url,
        back: pathOf(call),
        version: webhook.version,
        same: {
          api: { method: 'POST', path: `/webhooks/${webhook.id}/rotate-secret` },
          cli: `postern webhook rotate-secret ${webhook.id}`,
        },
      };
    },
    async (call) => {
      const made = await call.services.webhooks.rotate(
        call.operator,
        call.param('id'),
        OVERLAP,
        call.expected,
      );
      call.show('webhooks/secret', { made });
    },
  );
  confirm(
    '/webhooks/:id/delete',
    { ...onOne, grade: 2 },
    async (call) => {
      const webhook = await byId(call);
      return {
        title: { key: 'console.webhooks.deleteTitle', params: { name: named(webhook) } },
        breaks: ['console.webhooks.deleteBreaks'],
        verb: 'console.webhooks.delete',
        name: webhook.url,
        back: pathOf(call),
        version: webhook.version,
        same: {
          api: { method: 'DELETE', path: `/webhooks/${webhook.id}` },
          cli: `postern webhook delete ${webhook.id}`,
        },
      };
    },
    async (call) => {
      const webhook = await byId(call);
      await call.services.webhooks.remove(call.operator, webhook.id, call.expected);
      call.done('/admin/webhooks', { key: 'console.webhooks.deleted', params: { name: named(webhook) } });
    },
  );
}
