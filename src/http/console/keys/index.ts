import { DomainError } from '../../../core/errors.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';

const keysOf = ({ services, operator }: ConsoleCall) => services.keys.list(operator);

async function list(call: ConsoleCall): Promise<void> {
  call.show('keys/list', { keys: (await keysOf(call)).toReversed(), now: call.services.clock.now() });
}

async function find(call: ConsoleCall) {
  const keys = await keysOf(call);
  const key = keys.find(({ kid }) => kid === call.param('kid'));
  if (!key) throw new DomainError('key_not_found');
  const next = keys.find(({ alg, state }) => alg === key.alg && state === 'published');
  return { key, next };
}

const BREAKS = {
  published: 'console.keyring.breaksPublished',
  signing: 'console.keyring.breaksSigning',
  retiring: 'console.keyring.breaksRetiring',
} as const;

/** The signing keys. */
export function keyRoutes({ page, confirm }: Room): void {
  const spec = { section: 'keys', permission: 'keys:write', fresh: true } as const;

  page('/keys', { section: 'keys' }, list);
  confirm(
    '/keys/rotate',
    { ...spec, grade: 1 },
    async (call) => {
      const keys = await keysOf(call);
      const published = keys.filter(({ state }) => state === 'published').length;
      return {
        title: 'console.keyring.rotateTitle',
        text: 'console.keyring.rotateText',
        breaks:
          published > 0
            ? [{ key: 'console.keyring.alreadyNext', params: { count: published } }]
            : ['console.keyring.breaksNothing'],
        verb: 'console.keyring.rotate',
        name: '',
        back: '/admin/keys',
        same: { api: { method: 'POST', path: '/keys/rotate' }, cli: 'postern key rotate' },
      };
    },
    async (call) => {
      const made = await call.services.keys.rotate(call.operator);
      call.done('/admin/keys', { key: 'console.keyring.rotated', params: { count: made.length } });
    },
  );
  confirm(
    '/keys/:kid/retire',
    { ...spec, grade: 2, back: () => '/admin/keys' },
    async (call) => {
      const { key, next } = await find(call);
      const until = key.expiresAt?.toISOString() ?? '';
      return {
        title: { key: 'console.keyring.retireTitle', params: { kid: key.kid } },
        text: 'console.keyring.retireText',
        breaks: [
          { key: BREAKS[key.state], params: { until } },
          ...(key.state === 'signing'
            ? [
                next
                  ? ({ key: 'console.keyring.takesOver', params: { kid: next.kid } } as const)
                  : ('console.keyring.noNext' as const),
              ]
            : []),
        ],
        verb: 'console.keyring.retire',
        name: key.kid,
        back: '/admin/keys',
        same: {
          api: { method: 'POST', path: `/keys/${key.kid}/retire`, body: { force: true, reason: '…' } },
          cli: `postern key retire ${key.kid} --force`,
        },
      };
    },
    async (call, reason) => {
      const { key } = await call.services.keys.retire(call.operator, call.param('kid'), {
        force: true,
        reason,
      });
      call.done('/admin/keys', { key: 'console.keyring.retired', params: { kid: key.kid } });
    },
  );
}
