import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Operator, shellOperator } from '../../domain/operators/operator.ts';
import type { Delivery, Webhook, Webhooks } from '../../domain/operators/webhooks.ts';
import { confirm } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { integer, repeated, uuid } from '../options.ts';
import { facts, type Report, reporting, shown, table } from '../report.ts';

const withWebhooks = async <T>(work: (webhooks: Webhooks, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ webhooks }) => work(webhooks, shellOperator(operator())));
};

/** The commands show the same fields as the API. */
const presenters = () => import('../../http/api/management/webhooks.ts');

const shownAs = (json: Record<string, unknown>): string =>
  facts(Object.entries(json).map(([name, value]) => [name, shown(value)]));

/** Reports a webhook's current state after a change. */
async function told(webhook: Webhook, what: string, more: { secret?: string } = {}): Promise<Report> {
  const { webhookOf } = await presenters();
  const { secret } = more;
  const once = secret === undefined ? '' : ` Its secret is shown only once:\n${secret}`;
  return { json: { ...webhookOf(webhook), ...more }, text: `${what} ${webhook.id}.${once}` };
}

interface ListOptions {
  limit: number;
  cursor?: string;
}

async function list(options: ListOptions): Promise<Report> {
  const { webhookOf } = await presenters();
  const { items, nextCursor } = await withWebhooks((webhooks, by) => webhooks.list(by, options));
  const rows = items.map((one) => [
    one.id,
    one.url,
    one.eventTypes.join(' '),
    one.enabled ? (one.failingSince ? `failing since ${one.failingSince.toISOString()}` : 'on') : 'off',
  ]);
  return {
    json: { webhooks: items.map(webhookOf), next_cursor: nextCursor },
    text: table(['id', 'address', 'events', 'state'], rows),
  };
}

async function show(id: string): Promise<Report> {
  const { webhookOf } = await presenters();
  const json = webhookOf(await withWebhooks((webhooks, by) => webhooks.find(by, id)));
  return { json, text: shownAs(json) };
}

/** Reads a secret from a file; `-` is standard input. A secret in an argument would show in the process list. @throws UsageError. */
function secretIn(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`Cannot read the secret: ${(error as Error).message}`);
  }
}

interface ContentOptions {
  url?: string;
  description?: string;
  event?: string[];
}

const contentOf = ({ url, description, event: eventTypes }: ContentOptions) => ({
  url,
  description,
  eventTypes,
});

async function create(options: ContentOptions & { url: string; secretFile?: string }): Promise<Report> {
  const { url, secretFile } = options;
  const secret = secretFile === undefined ? undefined : secretIn(secretFile);
  const made = await withWebhooks((webhooks, by) =>
    webhooks.create(by, { ...contentOf(options), url, secret }),
  );
  return told(made.webhook, 'Created', { secret: made.secret });
}

async function update(id: string, options: ContentOptions): Promise<Report> {
  if (Object.keys(contentOf(options)).every((name) => contentOf(options)[name as 'url'] === undefined))
    throw new UsageError('Nothing to change: use --url, --description or --event.');
  return told(await withWebhooks((webhooks, by) => webhooks.update(by, id, contentOf(options))), 'Changed');
}

const switching = (enabled: boolean) => async (id: string) =>
  told(
    await withWebhooks((webhooks, by) => webhooks.update(by, id, { enabled })),
    enabled ? 'Enabled' : 'Disabled',
  );

async function remove(id: string, { yes = false }: { yes?: boolean }): Promise<Report> {
  await confirm(`Delete the webhook ${id} and its deliveries?`, yes);
  await withWebhooks((webhooks, by) => webhooks.remove(by, id));
  return { json: { id }, text: `Deleted ${id}.` };
}

async function rotate(id: string, { overlap }: { overlap: number }): Promise<Report> {
  const { webhook, secret } = await withWebhooks((webhooks, by) => webhooks.rotate(by, id, overlap));
  return told(webhook, 'Rotated the secret of', { secret });
}

async function sent(delivery: Delivery, what: string): Promise<Report> {
  const { deliveryOf } = await presenters();
  return { json: deliveryOf(delivery), text: `${what} ${delivery.id} is queued; the server sends it.` };
}

const test = async (id: string) =>
  sent(await withWebhooks((webhooks, by) => webhooks.test(by, id)), 'The test event');

const replay = async (id: string, delivery: string) =>
  sent(await withWebhooks((webhooks, by) => webhooks.replay(by, id, delivery)), 'The delivery');

async function deliveries(
  id: string,
  { limit, cursor, status, type }: ListOptions & { status?: Delivery['status']; type?: string[] },
): Promise<Report> {
  const { deliveryOf } = await presenters();
  const { items, nextCursor } = await withWebhooks((webhooks, by) =>
    webhooks.deliveries(by, id, { limit, cursor, filters: { status: status && [status], type } }),
  );
  const rows = items.map((one) => [
    one.createdAt.toISOString(),
    one.type,
    one.status,
    String(one.attempts),
    one.error ?? '-',
    one.id,
  ]);
  return {
    json: { deliveries: items.map(deliveryOf), next_cursor: nextCursor },
    text: table(['time', 'event', 'status', 'attempts', 'last failure', 'id'], rows),
  };
}

async function events(): Promise<Report> {
  const { EVENTS } = await import('../../domain/operators/webhooks.ts');
  const all = Object.entries(EVENTS).map(([type, { description }]) => ({ type, description }));
  return {
    json: { event_types: all },
    text: table(
      ['type', 'description'],
      all.map(({ type, description }) => [type, description]),
    ),
  };
}

const listed = (command: Command): Command =>
  command
    .option('--limit <n>', 'maximum number of results', integer(1, 100), 50)
    .option('--cursor <cursor>', 'next_cursor of the previous page');

const content = (command: Command): Command =>
  command
    .option('--description <text>', 'description')
    .option('--event <type>', 'event type, like user.created, user.* or * (can be repeated)', repeated);

export function addWebhook(program: Command): void {
  const webhook = program.command('webhook').description('manage webhooks, the URLs that events are sent to');
  reporting(listed(webhook.command('list').description('list the webhooks')), list);
  reporting(webhook.command('show').description('show a webhook').argument('<id>', 'webhook id', uuid), show);
  reporting(
    content(
      webhook
        .command('create')
        .description('create a webhook; its secret is printed only once, alone on the last line')
        .requiredOption('--url <url>', 'public https URL, or one that outbound.allow lists'),
    ).option('--secret-file <file>', 'file with a secret of your own (whsec_…); - for standard input'),
    create,
  );
  reporting(
    content(
      webhook
        .command('update')
        .description('change the URL, the description or the event types')
        .argument('<id>', 'webhook id', uuid)
        .option('--url <url>', 'new URL'),
    ),
    update,
  );
  for (const enabled of [true, false])
    reporting(
      webhook
        .command(enabled ? 'enable' : 'disable')
        .description(
          enabled ? 'enable a webhook' : 'disable a webhook; pending deliveries wait until it is enabled',
        )
        .argument('<id>', 'webhook id', uuid),
      switching(enabled),
    );
  reporting(
    webhook
      .command('delete')
      .description('delete a webhook and its deliveries')
      .argument('<id>', 'webhook id', uuid)
      .option('--yes', 'skip the confirmation'),
    remove,
  );
  reporting(
    webhook
      .command('rotate-secret')
      .description('create a new secret, printed alone on the last line')
      .argument('<id>', 'webhook id', uuid)
      .option(
        '--overlap <seconds>',
        'how long to sign with the previous secret, too',
        integer(0, 604_800),
        86_400,
      ),
    rotate,
  );
  reporting(
    listed(
      webhook
        .command('deliveries')
        .description('list deliveries, newest first')
        .argument('<id>', 'webhook id', uuid)
        .addOption(
          new Option('--status <status>', 'how far it is').choices(['waiting', 'delivered', 'failed']),
        )
        .option('--type <type>', 'event type (can be repeated)', repeated),
    ),
    deliveries,
  );
  reporting(
    webhook
      .command('replay')
      .description('resend a delivery')
      .argument('<id>', 'webhook id', uuid)
      .argument('<delivery>', 'delivery id', uuid),
    replay,
  );
  reporting(
    webhook.command('test').description('send a test event').argument('<id>', 'webhook id', uuid),
    test,
  );
  reporting(webhook.command('events').description('list event types'), events);
}
