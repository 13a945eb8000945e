import { oneLine } from '../../../core/text.ts';
import {
  type ManagedUpstream,
  MAX_LINKED,
  type UpstreamChanges,
  type UpstreamTest,
} from '../../../domain/upstream-admin.ts';
import type { ConsoleCall } from '../call.ts';
import { type Control, words } from '../clients/cards.ts';
import type { FormSpec, Room } from '../room.ts';
import { word } from '../same.ts';

const section = 'upstreams' as const;
const upstreamPath = (id: string): string => `/admin/upstreams/${encodeURIComponent(id)}`;
const find = (call: ConsoleCall): Promise<ManagedUpstream> =>
  call.services.upstreams.find(call.operator, call.param('id'));
const callbackOf = (call: ConsoleCall, id: string) => `${call.services.publicUrl}/upstream/${id}/callback`;

/** Well-known providers, filled in except for the credentials. */
const PRESETS: Readonly<Record<string, Partial<ManagedUpstream> & { name: string }>> = {
  google: { name: 'Google', issuer: 'https://accounts.google.com' },
  microsoft: { name: 'Microsoft', issuer: 'https://login.microsoftonline.com/<tenant>/v2.0' },
  gitlab: { name: 'GitLab', issuer: 'https://gitlab.com' },
  github: {
    name: 'GitHub',
    endpoints: {
      authorization: 'https://github.com/login/oauth/authorize',
      token: 'https://github.com/login/oauth/access_token',
      userinfo: 'https://api.github.com/user',
    },
    claims: {
      subject: 'id',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      username: 'login',
    },
    scopes: ['read:user', 'user:email'],
  },
};

const CLAIMS = {
  subject: 'console.upstream.claimSubject',
  email: 'console.upstream.claimEmail',
  emailVerified: 'console.upstream.claimEmailVerified',
  name: 'console.upstream.claimName',
  username: 'console.upstream.claimUsername',
} as const;
const DEFAULTS: ManagedUpstream['claims'] = {
  subject: 'sub',
  email: 'email',
  emailVerified: 'email_verified',
  name: 'name',
  username: 'preferred_username',
};
const ENDPOINTS = {
  authorization: 'console.client.authorize',
  token: 'console.client.token',
  userinfo: 'console.upstream.userinfo',
} as const;

/** @param isNew whether it has no secret yet. */
function controlsOf(one: Partial<ManagedUpstream>, isNew: boolean): Control[] {
  const { endpoints, claims = DEFAULTS } = one;
  return [
    {
      name: 'name',
      label: 'console.client.name',
      value: one.name ?? '',
      required: true,
      attributes: { maxlength: '60' },
    },
    {
      name: 'issuer',
      label: 'console.client.issuer',
      type: 'url',
      value: one.issuer ?? '',
      hint: 'console.upstream.issuerHint',
      optional: true,
    },
    {
      name: 'clientId',
      label: { text: 'client_id' },
      value: one.clientId ?? '',
      required: true,
      hint: 'console.upstream.clientIdHint',
      attributes: { spellcheck: 'false' },
    },
    {
      name: 'clientSecret',
      label: { text: 'client_secret' },
      type: 'password',
      required: isNew,
      ...(isNew ? {} : { hint: 'console.upstream.secretHint' }),
      attributes: { autocomplete: 'new-password' },
    },
    {
      name: 'scopes',
      label: 'console.client.scopes',
      value: (one.scopes ?? []).join(' '),
      hint: 'console.upstream.scopesHint',
      optional: true,
      attributes: { spellcheck: 'false' },
    },
    {
      name: 'trustEmail',
      label: 'console.upstream.trustEmail',
      type: 'checkbox',
      value: one.trustEmail ?? false,
      hint: 'console.upstream.trustEmailHint',
    },
    ...Object.entries(ENDPOINTS).map(([name, label]): Control => ({
      name: `endpoints.${name}`,
      label,
      type: 'url',
      value: endpoints?.[name as keyof typeof ENDPOINTS] ?? '',
      ...(name === 'authorization' ? { hint: 'console.upstream.endpointsHint' as const } : {}),
      optional: true,
    })),
    ...Object.entries(CLAIMS).map(([name, label]): Control => ({
      name: `claims.${name}`,
      label,
      value: claims[name as keyof typeof CLAIMS],
      attributes: { spellcheck: 'false' },
    })),
    {
      name: 'logo',
      label: 'console.client.logo_uri',
      value: one.logo ?? '',
      hint: 'console.upstream.logoHint',
      optional: true,
    },
  ];
}

/** Reads a provider from a form. An empty secret keeps the current one. */
function changesOf(call: ConsoleCall): UpstreamChanges {
  const orNone = (name: string) => call.field(name) || null;
  const endpoints = Object.fromEntries(
    Object.keys(ENDPOINTS).map((name) => [name, call.field(`endpoints.${name}`)]),
  ) as NonNullable<ManagedUpstream['endpoints']>;
  const claims = Object.fromEntries(
    Object.keys(CLAIMS).map((name) => [name, call.field(`claims.${name}`) || undefined]),
  );
  const scopes = words(call.field('scopes'));
  return {
    name: call.field('name'),
    issuer: orNone('issuer'),
    endpoints: Object.values(endpoints).some((url) => url !== '') ? endpoints : null,
    claims,
    clientId: call.field('clientId'),
    ...(call.raw('clientSecret') === '' ? {} : { clientSecret: call.raw('clientSecret') }),
    scopes: scopes.length > 0 ? scopes : null,
    logo: orNone('logo'),
    trustEmail: call.field('trustEmail') !== '',
  };
}

/** Maximum linked people on the page of a provider. All of them have a page of their own. */
const MAX_SHOWN = 10;

async function showPeople(call: ConsoleCall): Promise<void> {
  const { id, name } = await find(call);
  const listing = call.listing([]);
  const { limit, cursor } = listing;
  const linked = await call.services.upstreams.linked(call.operator, id, { limit, cursor });
  call.show('upstreams/people', { name, path: upstreamPath(id), linked, list: listing.view(linked) });
}

async function showOne(call: ConsoleCall, test: UpstreamTest | null = null): Promise<void> {
  const upstream = await find(call);
  const linked = call.may('users:read')
    ? await call.services.upstreams.linked(call.operator, upstream.id, { limit: MAX_SHOWN })
    : null;
  call.show('upstreams/one', {
    upstream,
    linked,
    path: upstreamPath(upstream.id),
    callback: callbackOf(call, upstream.id),
    isCapped: upstream.linked === MAX_LINKED,
    controls: controlsOf(upstream, false),
    test,
    same: {
      api: {
        method: 'PATCH',
        path: `/upstreams/${upstream.id}`,
        body: { name: upstream.name, client_id: upstream.clientId },
      },
      cli: `postern upstream update ${upstream.id} --name ${word(upstream.name)} --client-id ${word(upstream.clientId)}`,
    },
  });
}

function showNew(call: ConsoleCall): void {
  const preset = PRESETS[call.parameter('preset')];
  const id = call.field('id') || call.parameter('preset');
  call.show('upstreams/new', {
    presets: Object.entries(PRESETS).map(([key, { name }]) => ({ id: key, name })),
    callback: callbackOf(call, id || '<id>'),
    controls: [
      {
        name: 'id',
        label: 'console.upstream.id',
        value: preset ? id : '',
        required: true,
        hint: 'console.upstream.idHint',
        attributes: { pattern: '[a-z0-9-]{1,40}', maxlength: '40', spellcheck: 'false' },
      },
      ...controlsOf(preset ?? {}, true),
      {
        name: 'enabled',
        label: 'console.upstream.enableNow',
        type: 'checkbox',
        value: true,
        hint: 'console.upstream.enableNowHint',
      },
    ] satisfies Control[],
  });
}

async function showList(call: ConsoleCall): Promise<void> {
  call.show('upstreams/list', {
    upstreams: await call.services.upstreams.list(call.operator),
    limit: MAX_LINKED,
  });
}

export function upstreamRoutes({ page, form, confirm }: Room): void {
  const write = {
    section,
    permission: 'upstreams:write',
    fresh: true,
    back: (call: ConsoleCall) => upstreamPath(call.param('id')),
  } as const satisfies FormSpec;
  page('/upstreams', { section }, showList);
  page('/upstreams/:id', { section }, (call) => showOne(call));
  page('/upstreams/:id/people', { section, permission: 'users:read' }, showPeople);
  page('/upstreams/new', { section, permission: 'upstreams:write' }, showNew);

  form('/upstreams/new', write, showNew, async (call) => {
    const made = await call.services.upstreams.create(call.operator, {
      id: call.field('id'),
      ...changesOf(call),
      enabled: call.field('enabled') !== '',
    });
    call.done(upstreamPath(made.id), {
      key: 'console.upstream.created',
      params: { name: oneLine(made.name) },
    });
  });

  form(
    '/upstreams/:id/settings',
    write,
    (call) => showOne(call),
    async (call) => {
      const { name, id } = await call.services.upstreams.update(
        call.operator,
        call.param('id'),
        changesOf(call),
        call.expected,
      );
      call.done(upstreamPath(id), { key: 'console.client.saved', params: { name: oneLine(name) } });
    },
  );

  // Tests the provider without changing anything; shows the result on the same page.
  form(
    '/upstreams/:id/test',
    { ...write, fresh: false },
    (call) => showOne(call),
    async (call) => showOne(call, await call.services.upstreams.test(call.operator, call.param('id'))),
  );

  form('/upstreams/:id/enable', write, null, async (call) => {
    const { id, name } = await call.services.upstreams.update(
      call.operator,
      call.param('id'),
      { enabled: true },
      call.expected,
    );
    call.done(upstreamPath(id), { key: 'console.client.isEnabled', params: { name: oneLine(name) } });
  });

  const linkedOf = ({ linked }: ManagedUpstream) =>
    ({
      key: 'console.upstream.breaksLinked',
      params: { people: `${linked}${linked === MAX_LINKED ? '+' : ''}` },
    }) as const;
  confirm(
    '/upstreams/:id/disable',
    { ...write, grade: 1 },
    async (call) => {
      const upstream = await find(call);
      return {
        title: { key: 'console.client.disableTitle', params: { name: oneLine(upstream.name) } },
        text: 'console.client.disableText',
        breaks: [linkedOf(upstream)],
        verb: 'console.client.disable',
        name: upstream.name,
        back: upstreamPath(upstream.id),
        version: upstream.version,
      };
    },
    async (call) => {
      const after = await call.services.upstreams.update(
        call.operator,
        call.param('id'),
        { enabled: false },
        call.expected,
      );
      call.done(
        upstreamPath(after.id),
        { key: 'console.client.isDisabled', params: { name: oneLine(after.name) } },
        { action: `${upstreamPath(after.id)}/enable`, fields: { version: String(after.version) } },
      );
    },
  );
  confirm(
    '/upstreams/:id/delete',
    { ...write, grade: 2 },
    async (call) => {
      const upstream = await find(call);
      return {
        title: { key: 'console.client.deleteTitle', params: { name: oneLine(upstream.name) } },
        text: 'console.upstream.deleteText',
        breaks: [linkedOf(upstream)],
        verb: 'console.client.delete',
        name: upstream.name,
        back: upstreamPath(upstream.id),
        version: upstream.version,
      };
    },
    async (call, reason) => {
      const upstream = await find(call);
      await call.services.upstreams.remove(call.operator, upstream.id, { expected: call.expected, reason });
      call.done('/admin/upstreams', {
        key: 'console.client.deleted',
        params: { name: oneLine(upstream.name) },
      });
    },
  );
}
