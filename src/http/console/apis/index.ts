import { SIGNING_ALGS, TOKEN_TYPE_HEADERS } from '../../../core/tokens.ts';
import { oneLine } from '../../../core/text.ts';
import type { Api, ApiChanges } from '../../../domain/apis.ts';
import { metadataUrlOf, protectedResourceMetadata, snippetsOf } from '../../../domain/mcp-servers.ts';
import type { ConsoleCall } from '../call.ts';
import { type Control, words } from '../clients/cards.ts';
import type { FilterSpec } from '../lists.ts';
import type { FormSpec, Room } from '../room.ts';
import { word } from '../same.ts';

const FILTERS: readonly FilterSpec[] = [
  { name: 'search', label: 'console.apis.search', type: 'search' },
  {
    name: 'open',
    label: 'console.apis.open',
    type: 'select',
    options: [
      { value: 'true', label: 'field.yes' },
      { value: 'false', label: 'field.no' },
    ],
  },
];
const SORTS = ['name', 'identifier', '-created_at'] as const;

const apiPath = (identifier: string): string => `/admin/apis/${encodeURIComponent(identifier)}`;
const find = (call: ConsoleCall) => call.services.apis.find(call.operator, call.param('id'));

async function showList(call: ConsoleCall): Promise<void> {
  const list = call.listing(FILTERS);
  const open = list.value('open');
  const found = await call.services.apis.list(call.operator, {
    filters: {
      search: list.value('search'),
      dynamicClients: open === undefined ? undefined : open === 'true',
    },
    sort: SORTS.find((sort) => sort === list.sort) ?? 'name',
    limit: list.limit,
    cursor: list.cursor,
  });
  call.show('apis/list', { list: list.view(found), apis: found.items, isFiltered: list.isFiltered });
}

const code = { spellcheck: 'false', autocapitalize: 'off' };
const choice = (value: string) => ({ value, label: { text: value } });

const scopeControls = (api: Partial<Api>): Control[] => [
  {
    name: 'scopes',
    label: 'console.api.scopes',
    type: 'textarea',
    value: (api.scopes ?? []).join('\n'),
    hint: 'console.api.scopesHint',
    rows: 5,
    attributes: code,
  },
  {
    name: 'enforce_roles',
    label: 'console.api.enforceRoles',
    type: 'checkbox',
    value: api.enforceRoles ?? false,
    hint: 'console.api.enforceRolesHint',
  },
  {
    name: 'dynamic_clients',
    label: 'console.api.dynamicClients',
    type: 'checkbox',
    value: api.dynamicClients ?? false,
    hint: 'console.api.dynamicClientsHint',
  },
];

const tokenControls = (api: Api): Control[] => [
  {
    name: 'name',
    label: 'console.client.name',
    value: api.name,
    required: true,
    attributes: { maxlength: '100' },
  },
  {
    name: 'access_token_format',
    label: 'console.api.format',
    type: 'select',
    value: api.accessTokenFormat,
    required: true,
    options: ['jwt', 'opaque'].map(choice),
  },
  {
    name: 'access_token_ttl',
    label: 'console.api.ttl',
    value: api.accessTokenTtl === null ? '' : String(api.accessTokenTtl),
    hint: 'console.api.ttlHint',
    attributes: { inputmode: 'numeric', pattern: '[0-9]*', maxlength: '5' },
  },
  {
    name: 'signing_alg',
    label: 'console.api.signingAlg',
    type: 'select',
    value: api.signingAlg,
    required: true,
    options: SIGNING_ALGS.map(choice),
  },
  {
    name: 'token_type_header',
    label: 'console.api.typeHeader',
    type: 'select',
    value: api.tokenTypeHeader,
    required: true,
    options: TOKEN_TYPE_HEADERS.map(choice),
  },
];

const CARDS = ['scopes', 'tokens'] as const;
type Card = (typeof CARDS)[number];
const controlsOf = (card: Card, api: Api): Control[] =>
  card === 'scopes' ? scopeControls(api) : tokenControls(api);

const scopesOf = (call: ConsoleCall) => ({
  scopes: words(call.raw('scopes')),
  enforceRoles: call.field('enforce_roles') !== '',
  dynamicClients: call.field('dynamic_clients') !== '',
});

/** Narrows a value to one of a list; the use case refuses an unknown one. */
const oneOf = <T extends string>(value: string, known: readonly T[]): T | undefined =>
  known.find((one) => one === value);

function changesOf(card: Card, call: ConsoleCall): ApiChanges {
  if (card === 'scopes') return scopesOf(call);
  const ttl = call.field('access_token_ttl');
  const changes = {
    name: call.field('name'),
    accessTokenFormat: oneOf(call.field('access_token_format'), ['jwt', 'opaque']),
    accessTokenTtl: ttl === '' ? null : Number(ttl),
    signingAlg: oneOf(call.field('signing_alg'), SIGNING_ALGS),
    tokenTypeHeader: oneOf(call.field('token_type_header'), TOKEN_TYPE_HEADERS),
  };
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

/** Form fields that undo a change of the card. */
const fieldsOf = (card: Card, api: Api): Record<string, string> =>
  Object.fromEntries(
    controlsOf(card, api).flatMap(({ name, type, value = '' }): [string, string][] =>
      type === 'checkbox' ? (value === true ? [[name, 'yes']] : []) : [[name, String(value)]],
    ),
  );

async function showOne(call: ConsoleCall): Promise<void> {
  const api = await find(call);
  const uses = await call.services.apis.uses(call.operator, api.identifier);
  const { publicUrl } = call.services;
  call.show('apis/one', {
    api,
    path: apiPath(api.identifier),
    scopeControls: scopeControls(api),
    tokenControls: tokenControls(api),
    posted: call.typed === null ? null : call.ctx.path.split('/').at(-1),
    roles: uses.filter(({ kind }) => kind === 'role'),
    clients: uses.filter(({ kind }) => kind === 'client'),
    mcp:
      api.dynamicClients && URL.canParse(api.identifier)
        ? {
            url: metadataUrlOf(api.identifier),
            document: JSON.stringify(protectedResourceMetadata(api, publicUrl), null, 2),
            snippets: snippetsOf(api, publicUrl),
          }
        : null,
    same: {
      api: {
        method: 'PATCH',
        path: `/apis/${encodeURIComponent(api.identifier)}`,
        body: { scopes: api.scopes, enforce_roles: api.enforceRoles },
      },
      cli: [
        `postern api update ${word(api.identifier)}`,
        ...api.scopes.map((scope) => `--scope ${word(scope)}`),
        ...(api.enforceRoles ? ['--enforce-roles'] : []),
      ].join(' '),
    },
  });
}

function showNew(call: ConsoleCall): void {
  const isMcp = (call.field('kind') || call.parameter('kind')) === 'mcp';
  call.show('apis/new', {
    isMcp,
    controls: [
      {
        name: 'identifier',
        label: isMcp ? 'console.api.mcpUrl' : 'console.api.identifier',
        type: 'url',
        value: '',
        required: true,
        hint: isMcp ? 'console.api.mcpUrlHint' : 'console.api.identifierHint',
        attributes: {
          maxlength: '512',
          placeholder: isMcp ? 'https://mcp.example.com/mcp' : 'https://orders.example.com',
        },
      },
      {
        name: 'name',
        label: 'console.client.name',
        value: '',
        required: true,
        attributes: { maxlength: '100' },
      },
      ...scopeControls({ dynamicClients: isMcp }),
    ] satisfies Control[],
  });
}

const save = (card: Card) => async (call: ConsoleCall) => {
  const before = await find(call);
  const { identifier } = before;
  const after = await call.services.apis.update(
    call.operator,
    identifier,
    changesOf(card, call),
    call.expected,
  );
  const path = apiPath(identifier);
  call.done(
    `${path}#card-${card}`,
    { key: 'console.client.saved', params: { name: oneLine(after.name) } },
    after.version === before.version
      ? null
      : {
          action: `${path}/${card}`,
          fields: { ...fieldsOf(card, before), version: String(after.version) },
        },
  );
};

export function apiRoutes({ page, form, confirm }: Room): void {
  const section = 'apis' as const;
  const write = {
    section,
    permission: 'apis:write',
    back: (call: ConsoleCall) => apiPath(call.param('id')),
  } as const satisfies FormSpec;
  page('/apis', { section }, showList);
  page('/apis/:id', { section }, showOne);
  page('/apis/new', { section, permission: 'apis:write' }, showNew);

  form('/apis/new', write, showNew, async (call) => {
    const api = await call.services.apis.create(call.operator, {
      identifier: call.field('identifier'),
      name: call.field('name'),
      ...scopesOf(call),
    });
    call.done(apiPath(api.identifier), { key: 'console.api.created', params: { name: oneLine(api.name) } });
  });
  for (const card of CARDS) form(`/apis/:id/${card}`, write, showOne, save(card));

  confirm(
    '/apis/:id/delete',
    { ...write, grade: 3 },
    async (call) => {
      const api = await find(call);
      const uses = await call.services.apis.uses(call.operator, api.identifier);
      const count = (kind: 'role' | 'client') => uses.filter((one) => one.kind === kind).length;
      return {
        title: { key: 'console.client.deleteTitle', params: { name: oneLine(api.name) } },
        text: 'console.api.deleteText',
        breaks: [
          { key: 'console.api.breaksApps', params: { count: count('client') } },
          { key: 'console.api.breaksRoles', params: { count: count('role') } },
        ],
        verb: 'console.client.delete',
        name: api.name,
        back: apiPath(api.identifier),
        version: api.version,
        same: {
          api: { method: 'DELETE', path: `/apis/${encodeURIComponent(api.identifier)}` },
          cli: `postern api delete ${word(api.identifier)}`,
        },
      };
    },
    async (call, reason) => {
      const api = await find(call);
      await call.services.apis.remove(call.operator, api.identifier, call.expected, reason);
      call.done('/admin/apis', { key: 'console.client.deleted', params: { name: oneLine(api.name) } });
    },
  );
}
