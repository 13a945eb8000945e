import type { Metric } from '../../../domain/operators/stats.ts';
import { CONFIRMABLE, type FirstStep } from '../../../domain/operators/overview.ts';
import { OWNER } from '../../../domain/operators/permissions.ts';
import type { Message, MessageKey } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';

/** Something that needs attention, with the page that fixes it. */
interface Attention {
  text: Message | { text: string };
  href: string;
  fix: MessageKey;
}

const DAYS = 30;
const WEEK = 7;
const DAY = 86_400_000;
/** Milliseconds that the overview waits for the checks; a mail server may take seconds. */
const PATIENCE = 100;
/** Days before a secret expires. */
const SOON = 14;
/** Maximum items of each kind. */
const MAX_ITEMS = 3;

/** Findings of `postern doctor`, if they are available. */
async function health({ services, operator, may }: ConsoleCall): Promise<Attention[]> {
  if (!may('settings:read')) return [];
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, PATIENCE, null);
  const report = await Promise.race([services.health(operator).catch(() => null), late]);
  clearTimeout(timer);
  return (report?.findings ?? [])
    .filter(({ status }) => status !== 'ok')
    .slice(0, MAX_ITEMS)
    .map(({ sentences }) => ({
      // The doctor uses keys of the same catalogue.
      text: sentences.message as Attention['text'],
      href: '/admin/health',
      fix: 'console.attention.show' as const,
    }));
}

async function mail({ services, operator, may }: ConsoleCall): Promise<Attention[]> {
  if (!may('mail:read')) return [];
  const { items, nextCursor } = await services.operatorMail.list(operator, {
    filters: { state: 'failed' },
    limit: 100,
  });
  if (items.length === 0) return [];
  const key = nextCursor === null ? 'console.attention.mail' : 'console.attention.mailMany';
  return [
    {
      text: { key, params: { count: items.length } },
      href: '/admin/mail?state=failed',
      fix: 'console.attention.show',
    },
  ];
}

async function secrets({ services, operator, may, path }: ConsoleCall): Promise<Attention[]> {
  if (!may('clients:read')) return [];
  const soon = new Date(services.clock.now() + SOON * DAY);
  const expiring = await services.overview.expiringSecrets(operator, soon, MAX_ITEMS);
  return expiring.map(({ id, name, expiresAt }) => ({
    text: {
      key:
        expiresAt.getTime() > services.clock.now()
          ? 'console.attention.secret'
          : 'console.attention.secretOver',
      params: { app: name, day: expiresAt.toISOString().slice(0, 10) },
    },
    href: path('clients', id),
    fix: 'console.attention.rotate' as const,
  }));
}

/** Accounts that administer others through contracts with the role `admin`, which is not an operator's role. */
async function doorAdmins({ services, operator, may }: ConsoleCall): Promise<Attention[]> {
  if (!may('users:read')) return [];
  const { items } = await services.people.list(operator, { filters: { role: ['admin'] }, limit: 20 });
  const rights = await Promise.all(items.map(({ id }) => services.rights.ofAccount(id)));
  const count = rights.filter((held) => held.size === 0).length;
  if (count === 0) return [];
  return [
    {
      text: { key: 'console.attention.doorAdmins', params: { count } },
      href: '/admin/users?role=admin',
      fix: 'console.attention.show',
    },
  ];
}

async function doors({ services, operator, may }: ConsoleCall) {
  if (!may('contracts:read')) return null;
  const [all, requests] = await Promise.all([
    services.contractDoors.list(operator),
    services.usage.requests(operator, WEEK),
  ]);
  const open = all.filter((door) => door.open);
  return open.map(({ name, title }) => ({
    name,
    title,
    uses: requests.get(name) ?? 0,
  }));
}

async function latestActs({ services, operator, may }: ConsoleCall) {
  if (!may('audit:read')) return null;
  const filters = { door: ['console', 'cli', 'api'] };
  const { items } = await services.auditLog.list(operator, { filters, limit: 8 });
  return items;
}

const METRICS: readonly { metric: Metric; title: MessageKey; href?: string }[] = [
  { metric: 'sign_ins', title: 'console.stats.signIns', href: '/admin/audit?type=login&outcome=success' },
  { metric: 'failures', title: 'console.stats.failures', href: '/admin/audit?type=login&outcome=failure' },
  { metric: 'sign_ups', title: 'console.stats.signUps', href: '/admin/audit?type=user.created' },
  { metric: 'active', title: 'console.stats.active' },
  { metric: 'tokens', title: 'console.stats.tokens' },
];

async function numbers({ services, operator }: ConsoleCall) {
  const days = (await services.stats.list(operator, DAYS)).toReversed();
  const sum = (metric: Metric, from: number, to?: number) =>
    days.slice(from, to).reduce((total, day) => total + (day[metric] ?? 0), 0);
  const seen = METRICS.filter(({ metric }) => days.at(-1)?.[metric] !== null);
  const attacks = days.at(-1)?.attacks === null ? null : sum('attacks', -WEEK);
  return {
    metrics: seen.map(({ metric, ...about }) => {
      const [now, before] = [sum(metric, -WEEK), sum(metric, -2 * WEEK, -WEEK)];
      return {
        ...about,
        metric,
        // People are counted per day, so the sum of a week is not a number of people.
        value: metric === 'active' ? (days.at(-1)?.active ?? 0) : now,
        change: before === 0 || metric === 'active' ? null : (now - before) / before,
        days: days.map((day) => ({ day: day.day, value: day[metric] ?? 0 })),
      };
    }),
    attacks: attacks === null ? null : { reused: attacks, locked: sum('lockouts', -WEEK) },
  };
}

/** Page of each first step. */
const STEPS: Record<FirstStep, { title: MessageKey; text: MessageKey; href: string }> = {
  factor: {
    title: 'console.first.factor',
    text: 'console.first.factorText',
    href: '/account/factors',
  },
  second_owner: {
    title: 'console.first.owner',
    text: 'console.first.ownerText',
    href: '/admin/users/new',
  },
  test_letter: {
    title: 'console.first.letter',
    text: 'console.first.letterText',
    href: '/admin/mail',
  },
  first_app: {
    title: 'console.first.app',
    text: 'console.first.appText',
    href: '/admin/clients/new',
  },
  key_backup: {
    title: 'console.first.keys',
    text: 'console.first.keysText',
    href: '/admin/keys',
  },
  doors: {
    title: 'console.first.doors',
    text: 'console.first.doorsText',
    href: '/admin/contracts',
  },
};

async function checklist({ services, operator, user, may }: ConsoleCall) {
  const isOwner = [...user.roles, ...(user.groupRoles ?? [])].includes(OWNER);
  if (!isOwner || !may('settings:write')) return null;
  const { steps, hidden } = await services.overview.setup(operator);
  if (hidden || steps.every(({ done }) => done)) return null;
  return steps.map(({ step, done, confirmable }) => ({ ...STEPS[step], step, done, confirmable }));
}

async function show(call: ConsoleCall): Promise<void> {
  const [steps, stats, open, acts, ...attention] = await Promise.all([
    checklist(call),
    numbers(call),
    doors(call),
    latestActs(call),
    health(call),
    mail(call),
    secrets(call),
    doorAdmins(call),
  ]);
  call.show('overview', { ...stats, steps, doors: open, acts, attention: attention.flat() });
}

/** Overview: whether everything works. */
export function overviewRoutes({ page, form }: Room): void {
  page('', { section: 'overview' }, show);
  form('/first-steps', { section: 'overview', permission: 'settings:write' }, null, async (call) => {
    const { operator, services } = call;
    const { steps } = await services.overview.setup(operator);
    const confirmed = CONFIRMABLE.filter(
      (step) => step === call.field('step') || steps.some((one) => one.step === step && one.done),
    );
    const hidden = call.field('step') === 'over';
    await services.overview.setUp(operator, hidden ? { hidden } : { confirmed });
    call.done('/admin', hidden ? 'console.first.hidden' : 'console.first.done');
  });
}
