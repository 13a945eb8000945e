import { ACCOUNT_PERMISSIONS, PROGRAM_PERMISSIONS } from '../../../domain/api-keys.ts';
import { DomainError } from '../../../core/errors.ts';
import type { ConsoleCall } from '../call.ts';
import type { FilterSpec } from '../lists.ts';
import type { Room } from '../room.ts';
import { word } from '../same.ts';

const DAY = 86_400_000;

const KINDS: readonly FilterSpec[] = [
  {
    name: 'kind',
    label: 'console.tokens.kind',
    type: 'select',
    options: [
      { value: 'program', label: 'console.tokens.program' },
      { value: 'account', label: 'console.tokens.account' },
    ],
  },
];

/** Reads an expiry typed in days; null without one. @throws DomainError invalid_request. */
function endOf(call: ConsoleCall): Date | null {
  const typed = call.field('days');
  if (typed === '') return null;
  const days = Number(typed);
  if (!Number.isInteger(days) || days < 1 || days > 3_650)
    throw new DomainError('invalid_request', { field: 'days', reason: '1–3650' });
  return new Date(call.services.clock.now() + days * DAY);
}

/** Reads the last day of a key, in UTC, or the exact time that an undo brings back. @throws DomainError invalid_request. */
function lastDayOf(call: ConsoleCall, current: Date | null): Date | null | undefined {
  const typed = call.field('expires_at');
  if (typed === '') return null;
  if (typed === current?.toISOString().slice(0, 10)) return undefined;
  const end = new Date(/^\d{4}-\d{2}-\d{2}$/.test(typed) ? `${typed}T23:59:59Z` : typed);
  if (Number.isNaN(end.getTime())) throw new DomainError('invalid_request', { field: 'expires_at' });
  return end;
}

async function listApiKeys(call: ConsoleCall): Promise<void> {
  const listing = call.listing(KINDS);
  const { limit, cursor } = listing;
  const kind = (['program', 'account'] as const).find((one) => one === listing.value('kind'));
  const page = await call.services.apiKeyAdmin.list(call.operator, { limit, cursor, filters: { kind } });
  call.show('tokens/api-keys', { list: listing.view(page), items: page.items });
}

const newApiKey = (call: ConsoleCall): void =>
  call.show('tokens/new-api-key', { permissions: PROGRAM_PERMISSIONS });

async function showApiKey(call: ConsoleCall): Promise<void> {
  const key = await call.services.apiKeyAdmin.find(call.operator, call.param('id'));
  const { id, name, permissions, expiresAt } = key;
  const days = expiresAt && Math.max(1, Math.ceil((expiresAt.getTime() - call.services.clock.now()) / DAY));
  call.show('tokens/api-key', {
    key,
    possible: key.accountId === null ? PROGRAM_PERMISSIONS : ACCOUNT_PERMISSIONS,
    same: {
      api: { method: 'PATCH', path: `/api-keys/${id}`, body: { name, permissions, expires_at: expiresAt } },
      cli: [
        `postern api-key update ${id} --name ${word(name)}`,
        ...permissions.map((permission) => `--permission ${permission}`),
        days === null ? '--without-end' : `--expires-in ${days}d`,
      ].join(' '),
    },
  });
}

/** API keys of programs that use contracts. */
export function apiKeyRoutes({ page, form, confirm }: Room): void {
  const path = '/admin/api-keys';
  const spec = { section: 'api-keys', permission: 'api-keys:write', fresh: true, back: () => path } as const;
  page('/api-keys', { section: 'api-keys' }, listApiKeys);
  page('/api-keys/:id', spec, showApiKey);
  form(
    '/api-keys/:id',
    { ...spec, trail: () => ({ type: ['api_key.updated'] }) },
    showApiKey,
    async (call) => {
      const before = await call.services.apiKeyAdmin.find(call.operator, call.param('id'));
      const { name } = await call.services.apiKeyAdmin.update(call.operator, before.id, {
        name: call.field('name'),
        permissions: call.fields('permissions'),
        expiresAt: lastDayOf(call, before.expiresAt),
      });
      call.done(
        path,
        { key: 'console.tokens.changed', params: { name } },
        {
          action: `${path}/${before.id}`,
          fields: {
            name: before.name,
            permissions: before.permissions,
            expires_at: before.expiresAt?.toISOString() ?? '',
          },
        },
      );
    },
  );
  page('/api-keys/new', spec, newApiKey);
  form('/api-keys/new', spec, newApiKey, async (call) => {
    const expiresAt = endOf(call);
    const made = await call.once(() =>
      call.services.apiKeyAdmin.create(call.operator, {
        name: call.field('name'),
        permissions: call.fields('permissions'),
        expiresAt,
      }),
    );
    call.show('tokens/secret', { secret: made?.key ?? null, name: made?.record.name, back: path });
  });
  confirm(
    '/api-keys/:id/revoke',
    { ...spec, grade: 1 },
    async (call) => {
      const key = await call.services.apiKeyAdmin.find(call.operator, call.param('id'));
      return {
        title: { key: 'console.tokens.revokeTitle', params: { name: key.name } },
        breaks: [{ key: 'console.tokens.revokeKey', params: { permissions: key.permissions.join(', ') } }],
        verb: 'console.tokens.revoke',
        name: key.name,
        back: path,
        same: {
          api: { method: 'DELETE', path: `/api-keys/${key.id}` },
          cli: `postern api-key revoke ${key.id}`,
        },
      };
    },
    async (call) => {
      const { id, name } = await call.services.apiKeyAdmin.find(call.operator, call.param('id'));
      await call.services.apiKeyAdmin.revoke(call.operator, id);
      call.done(path, { key: 'console.tokens.revoked', params: { name } });
    },
  );
}

const newRegistrationToken = (call: ConsoleCall): void =>
  call.show('tokens/new-registration-token', {
    expiresAt: new Date(call.services.clock.now() + DAY).toISOString(),
  });

/** Initial access tokens, with which clients register themselves. */
export function registrationTokenRoutes({ page, form, confirm }: Room): void {
  const path = '/admin/registration-tokens';
  const spec = {
    section: 'registration-tokens',
    permission: 'registration-tokens:write',
    fresh: true,
    back: () => path,
  } as const;
  const all = ({ services, operator }: ConsoleCall) => services.registrationTokenAdmin.list(operator);
  const find = async (call: ConsoleCall) => {
    const found = (await all(call)).find(({ id }) => id === call.param('id'));
    if (!found) throw new DomainError('not_found');
    return found;
  };
  page('/registration-tokens', { section: 'registration-tokens' }, async (call) =>
    call.show('tokens/registration-tokens', { items: await all(call) }),
  );
  page('/registration-tokens/new', spec, newRegistrationToken);
  form('/registration-tokens/new', spec, newRegistrationToken, async (call) => {
    const expiresAt = endOf(call) ?? new Date(call.services.clock.now() + DAY);
    const policy = call.field('policy');
    const made = await call.once(() =>
      call.services.registrationTokenAdmin.create(call.operator, { policy, expiresAt }),
    );
    call.show('tokens/secret', { secret: made?.token ?? null, name: policy, back: path });
  });
  confirm(
    '/registration-tokens/:id/revoke',
    { ...spec, grade: 1 },
    async (call) => {
      const { id, policy } = await find(call);
      return {
        title: { key: 'console.tokens.revokeTitle', params: { name: policy } },
        breaks: ['console.tokens.revokeRegistration'],
        verb: 'console.tokens.revoke',
        name: policy,
        back: path,
        same: {
          api: { method: 'DELETE', path: `/registration-tokens/${id}` },
          cli: `postern registration-token revoke ${id}`,
        },
      };
    },
    async (call) => {
      const { id, policy } = await find(call);
      await call.services.registrationTokenAdmin.revoke(call.operator, id);
      call.done(path, { key: 'console.tokens.revoked', params: { name: policy } });
    },
  );
}

const newScimToken = (call: ConsoleCall): void => call.show('tokens/new-scim-token');

/** SCIM tokens of directories. */
export function scimTokenRoutes({ page, form, confirm }: Room): void {
  const path = '/admin/scim-tokens';
  const spec = { section: 'scim-tokens', permission: 'scim:write', fresh: true, back: () => path } as const;
  const all = ({ services, operator }: ConsoleCall) => services.scimTokens.list(operator);
  const find = async (call: ConsoleCall) => {
    const found = (await all(call)).find(({ id }) => id === call.param('id'));
    if (!found) throw new DomainError('scim_token_not_found');
    return found;
  };
  page('/scim-tokens', { section: 'scim-tokens' }, async (call) =>
    call.show('tokens/scim-tokens', { items: await all(call) }),
  );
  page('/scim-tokens/new', spec, newScimToken);
  form('/scim-tokens/new', spec, newScimToken, async (call) => {
    const expiresAt = endOf(call);
    const made = await call.once(() =>
      call.services.scimTokens.create(call.operator, { name: call.field('name'), expiresAt }),
    );
    call.show('tokens/secret', { secret: made?.token ?? null, name: made?.record.name, back: path });
  });
  confirm(
    '/scim-tokens/:id/revoke',
    { ...spec, grade: 1 },
    async (call) => {
      const { id, name } = await find(call);
      return {
        title: { key: 'console.tokens.revokeTitle', params: { name } },
        breaks: ['console.tokens.revokeScim'],
        verb: 'console.tokens.revoke',
        name,
        back: path,
        same: {
          api: { method: 'DELETE', path: `/scim-tokens/${id}` },
          cli: `postern scim-token delete ${id}`,
        },
      };
    },
    async (call) => {
      const { id, name } = await find(call);
      await call.services.scimTokens.remove(call.operator, id);
      call.done(path, { key: 'console.tokens.revoked', params: { name } });
    },
  );
}
