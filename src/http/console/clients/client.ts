import { isAgent } from '../../../core/agents.ts';
import { isDomainError } from '../../../core/errors.ts';
import type { ClientKind, ManagedClient } from '../../../domain/clients.ts';
import { oneLine } from '../../../core/text.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';
import {
  type Card,
  CARD_TITLES,
  CARDS,
  changesOf,
  type Choices,
  controlsOf,
  fieldsOf,
  words,
} from './cards.ts';
import { KIND_LABELS } from './kinds.ts';
import { refusalsOf } from './refusals.ts';
import { sameClient } from './same.ts';
import { fillSnippet, SNIPPETS, snippetOf } from './snippets.ts';

const SECTION = 'clients' as const;
const NO_CHOICES: Choices = { oidcScopes: [], apiScopes: [], roles: [], groups: [] };
/** Maximum APIs whose scopes are offered. */
const MAX_APIS = 100;
/** Maximum groups that are offered. */
const MAX_GROUPS = 100;
/** Maximum people on the page. */
const MAX_PEOPLE = 5;

export const clientPath = (id: string): string => `/admin/clients/${encodeURIComponent(id)}`;

export async function choicesOf(call: ConsoleCall): Promise<Choices> {
  const { services, operator } = call;
  const [apis, roles, groups] = await Promise.all([
    call.may('apis:read') ? services.apis.list(operator, { limit: MAX_APIS }) : { items: [] },
    call.may('roles:read') ? services.roles.list(operator) : [],
    call.may('groups:read') ? services.groups.list(operator, { limit: MAX_GROUPS }) : { items: [] },
  ]);
  return {
    // `permissions` is requested together with an API.
    oidcScopes: services.attributes.scopes().filter((scope) => scope !== 'permissions'),
    apiScopes: apis.items.flatMap(({ name, scopes }) => scopes.map((scope) => ({ scope, api: name }))),
    roles: roles.map(({ name }) => name),
    groups: groups.items.map(({ name }) => name),
  };
}

/** Endpoints to configure by hand in an app that reads no discovery document. */
const endpointsOf = (issuer: string) => [
  { label: 'console.client.issuer' as const, url: issuer },
  { label: 'console.client.discovery' as const, url: `${issuer}/.well-known/openid-configuration` },
  { label: 'console.client.authorize' as const, url: `${issuer}/oauth2/authorize` },
  { label: 'console.client.token' as const, url: `${issuer}/oauth2/token` },
];

/** Previews the app's tokens for the person in the query. Undefined unless asked for. */
async function previewOf(call: ConsoleCall, client: ManagedClient) {
  if (call.parameter('preview') === '') return undefined;
  const typed = call.parameter('person');
  const scope = call.parameter('preview_scope');
  let accountId: string | undefined;
  if (typed !== '') {
    const { exact } = await call.services.search(call.operator, typed);
    if (exact?.kind !== 'user') return { isUnknown: true };
    accountId = exact.id;
  }
  const tokens = await call.services.previewTokens({
    clientId: client.id,
    accountId,
    ...(scope === '' ? {} : { scope }),
  });
  return { isUnknown: false, tokens };
}

/** The cards that apply to an app. */
const cardsOf = (call: ConsoleCall, client: ManagedClient): Card[] => {
  const isService = client.kind === 'service';
  const uses = (client.metadata['redirect_uris'] as unknown[] | undefined) ?? [];
  const usesCode = client.kind === 'web' || client.kind === 'spa' || client.kind === 'native';
  return CARDS.filter((card) => {
    if (card === 'access') return !isService;
    if (card === 'addresses') return usesCode || uses.length > 0;
    if (card === 'roles') return (isService || client.roles.length > 0) && call.may('roles:read');
    return true;
  });
};

function snippetFor(call: ConsoleCall, client: ManagedClient) {
  const frameworks = SNIPPETS.filter(({ kind }) => kind === client.kind);
  const snippet = snippetOf(call.parameter('framework')) ?? frameworks[0];
  if (!snippet || frameworks.length === 0) return { frameworks: [], snippet: null };
  const [redirectUri = snippet.redirectUri] = (client.metadata['redirect_uris'] ?? []) as string[];
  const code = fillSnippet(snippet, {
    issuer: call.services.publicUrl,
    clientId: client.id,
    redirectUri,
  });
  return { frameworks, snippet: { ...snippet, code } };
}

export async function showClient(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const client = await services.clients.find(operator, call.param('id'));
  const [choices, secrets, refusals, people, preview] = await Promise.all([
    choicesOf(call),
    services.clients.secrets(operator, client.id),
    refusalsOf(call, client),
    call.may('users:read') ? services.clients.consents(operator, client.id, { limit: MAX_PEOPLE }) : null,
    previewOf(call, client).catch((error: unknown) => {
      if (isDomainError(error)) return { isUnknown: true };
      throw error;
    }),
  ]);
  call.show('clients/one', {
    app: client,
    path: clientPath(client.id),
    kindLabel: KIND_LABELS[client.kind as ClientKind],
    isAgent: isAgent(client.metadata),
    cards: cardsOf(call, client).map((card) => ({
      card,
      title: CARD_TITLES[card],
      controls: controlsOf(card, client, choices),
    })),
    // Values of a refused form belong to its own card only.
    posted: call.typed === null ? null : call.ctx.path.split('/').at(-1),
    scopes: words(client.metadata['scope']),
    secrets,
    refusals,
    people,
    preview,
    previewed: { person: call.parameter('person'), scope: call.parameter('preview_scope') },
    endpoints: endpointsOf(services.publicUrl),
    ...snippetFor(call, client),
    same: sameClient(client),
  });
}

const save = (card: Card) => async (call: ConsoleCall) => {
  const { services, operator } = call;
  const before = await services.clients.find(operator, call.param('id'));
  const after = await services.clients.update(
    operator,
    before.id,
    changesOf(card, call, before),
    call.expected,
  );
  const path = clientPath(before.id);
  call.done(
    `${path}#card-${card}`,
    { key: 'console.client.saved', params: { name: oneLine(after.name) } },
    after.version === before.version
      ? null
      : {
          action: `${path}/${card}`,
          fields: { ...fieldsOf(card, before, NO_CHOICES), version: String(after.version) },
        },
  );
};

/** Adds the redirect URI of a refusal. Checks again that it may be offered: the form proves nothing. */
async function fix(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const id = call.param('id');
  const client = await services.clients.find(operator, id);
  const offered = (await services.refusals.ofClient(operator, id)).find(
    ({ fix: one }) => one?.property === call.field('property') && one.adds === call.field('adds'),
  )?.fix;
  const path = clientPath(id);
  if (!offered) return call.failed(path, 'console.client.fixGone');
  const before = (client.metadata[offered.property] ?? []) as string[];
  const after = await services.clients.update(
    operator,
    id,
    { metadata: { [offered.property]: offered.value } },
    call.expected,
  );
  call.done(
    path,
    { key: 'console.client.fixed', params: { address: offered.adds } },
    {
      action: `${path}/addresses`,
      fields: {
        ...fieldsOf('addresses', client, NO_CHOICES),
        [offered.property]: before.join('\n'),
        version: String(after.version),
      },
    },
  );
}

export function clientRoutes({ page, form }: Room): void {
  const write = { section: SECTION, permission: 'clients:write', fresh: true } as const;
  const trail = (call: ConsoleCall) => ({ clientId: [call.param('id')] });
  page('/clients/:id', { section: SECTION }, showClient);
  page('/clients/:id/waiting', { section: SECTION, quiet: true }, async (call) => {
    const client = await call.services.clients.find(call.operator, call.param('id'));
    const refusals = await refusalsOf(call, client);
    call.show('clients/waiting', {
      app: client,
      path: clientPath(client.id),
      refusals: refusals.filter(({ isOver }) => !isOver).slice(0, 1),
    });
  });
  form('/clients/:id/fix', { ...write, back: (call) => clientPath(call.param('id')) }, null, fix);
  for (const card of CARDS) form(`/clients/:id/${card}`, { ...write, trail }, showClient, save(card));
}
