/** Forms of an app's page: each card has its own and saves only its fields. */
import { isAgent } from '../../../core/agents.ts';
import type { ClientChanges, ManagedClient } from '../../../domain/clients.ts';
import { DomainError } from '../../../core/errors.ts';
import type { Message, MessageKey } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';

type Text = Message | { text: string };

/** A control, as the partial `console/field` takes it. */
export interface Control {
  name: string;
  label: Text;
  type?: 'text' | 'url' | 'password' | 'textarea' | 'checkbox' | 'checks' | 'select' | 'radios' | 'hidden';
  value?: string | boolean | readonly string[];
  hint?: Text;
  options?: readonly { value: string; label: Text; hint?: Text; disabled?: boolean }[];
  required?: boolean;
  optional?: boolean;
  /** The heading that hides it: few operators need it. */
  more?: Text;
  rows?: number;
  attributes?: Readonly<Record<string, string>>;
}

export const CARDS = ['basics', 'addresses', 'scopes', 'access', 'roles', 'metadata'] as const;
export type Card = (typeof CARDS)[number];

export const CARD_TITLES = {
  basics: 'console.client.card.basics',
  addresses: 'console.client.card.addresses',
  scopes: 'console.client.card.scopes',
  access: 'console.client.card.access',
  roles: 'console.client.card.roles',
  metadata: 'console.client.card.metadata',
} as const satisfies Record<Card, MessageKey>;

/** Options of the cards' controls. */
export interface Choices {
  /** Scopes of OpenID Connect. */
  oidcScopes: readonly string[];
  /** Scopes of APIs with the API's name. */
  apiScopes: { scope: string; api: string }[];
  roles: string[];
  groups: string[];
}

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const words = (value: unknown): string[] => text(value).split(/\s+/).filter(Boolean);
export const lines = (value: string): string[] =>
  value
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(Boolean);

const URLS = {
  client_uri: 'console.client.client_uri',
  logo_uri: 'console.client.logo_uri',
  policy_uri: 'console.client.policy_uri',
  tos_uri: 'console.client.tos_uri',
} as const;
const ADDRESSES = {
  redirect_uris: ['console.client.redirect_uris', 'console.client.redirect_urisHint'],
  post_logout_redirect_uris: [
    'console.client.post_logout_redirect_uris',
    'console.client.post_logout_redirect_urisHint',
  ],
  allowed_cors_origins: ['console.client.allowed_cors_origins', 'console.client.allowed_cors_originsHint'],
} as const;
/** Limits per client: token lifetimes and token requests per minute. */
const NUMBERS = {
  access_token_ttl: 'console.client.access_token_ttl',
  refresh_token_ttl: 'console.client.refresh_token_ttl',
  refresh_token_absolute_ttl: 'console.client.refresh_token_absolute_ttl',
  token_requests_per_minute: 'console.client.token_requests_per_minute',
} as const;
const code = { spellcheck: 'false', autocapitalize: 'off' };

/** Scopes to choose from, in order: OpenID Connect, APIs, then others that the client already has. */
export function scopeControl(chosen: readonly string[], { oidcScopes, apiScopes }: Choices): Control {
  const known = [
    ...oidcScopes.map((value) => ({ value, label: { text: value } })),
    ...apiScopes.map(({ scope, api }) => ({
      value: scope,
      label: { text: scope },
      hint: { text: api },
    })),
  ].filter(({ value }, index, all) => all.findIndex((one) => one.value === value) === index);
  const others = chosen.filter((scope) => !known.some(({ value }) => value === scope));
  return {
    name: 'scope',
    label: 'console.client.scopes',
    type: 'checks',
    value: chosen,
    hint: 'console.client.scopesHint',
    options: [...known, ...others.map((value) => ({ value, label: { text: value } }))],
  };
}

const CIRCLES = {
  allowed_roles: ['console.client.allowedRoles', 'console.client.allowedRolesHint'],
  allowed_groups: ['console.client.allowedGroups', 'console.client.allowedGroupsHint'],
} as const;

/** Roles or groups whose members may use an app: checkboxes, or a text field for operators who cannot list them. */
export function circleControl(
  name: keyof typeof CIRCLES,
  value: readonly string[],
  known: readonly string[],
): Control {
  const [label, hint] = CIRCLES[name];
  if (known.length === 0)
    return { name, label, hint, type: 'textarea', value: value.join('\n'), rows: 2, attributes: code };
  const options = [...new Set([...known, ...value])].map((one) => ({ value: one, label: { text: one } }));
  return { name, label, hint, type: 'checks', value, options };
}

/** Properties of a client that no other card shows. */
const whole = ({ metadata }: ManagedClient): string => JSON.stringify(metadata, null, 2);

export function controlsOf(card: Card, client: ManagedClient, choices: Choices): Control[] {
  const { name, metadata, roles } = client;
  switch (card) {
    case 'basics':
      return [
        {
          name: 'name',
          label: 'console.client.name',
          value: name,
          required: true,
          attributes: { maxlength: '100' },
        },
        ...Object.entries(URLS).map(([url, label]): Control => ({
          name: url,
          label,
          type: 'url',
          value: text(metadata[url]),
          optional: true,
        })),
        {
          name: 'first_party',
          label: 'console.client.firstParty',
          type: 'checkbox',
          value: metadata['first_party'] === true,
          hint: 'console.client.firstPartyHint',
        },
        {
          name: 'agent',
          label: 'console.client.agent',
          type: 'checkbox',
          value: isAgent(metadata),
          hint: 'console.client.agentHint',
        },
        ...Object.entries(NUMBERS).map(([number, label]): Control => ({
          name: number,
          label,
          value: typeof metadata[number] === 'number' ? String(metadata[number]) : '',
          optional: true,
          more: 'console.client.limits',
          attributes: { inputmode: 'numeric', maxlength: '9' },
        })),
      ];
    case 'addresses':
      return Object.entries(ADDRESSES).map(([address, [label, hint]]): Control => ({
        name: address,
        label,
        type: 'textarea',
        value: strings(metadata[address]).join('\n'),
        hint,
        rows: address === 'redirect_uris' ? 4 : 2,
        attributes: code,
      }));
    case 'scopes':
      return [scopeControl(words(metadata['scope']), choices)];
    case 'access':
      return [
        circleControl('allowed_roles', strings(metadata['allowed_roles']), choices.roles),
        circleControl('allowed_groups', strings(metadata['allowed_groups']), choices.groups),
      ];
    case 'roles':
      return [
        {
          name: 'roles',
          label: 'console.client.roles',
          type: 'checks',
          value: roles,
          hint: 'console.client.rolesHint',
          options: [...new Set([...choices.roles, ...roles])].map((role) => ({
            value: role,
            label: { text: role },
          })),
        },
      ];
    default:
      return [
        {
          name: 'metadata',
          label: 'console.client.metadata',
          type: 'textarea',
          value: whole(client),
          rows: 14,
          hint: 'console.client.metadataHint',
          attributes: code,
        },
      ];
  }
}

/** A list with one entry per line; an undo posts it as one text. */
export const circleOf = (call: ConsoleCall, name: keyof typeof CIRCLES): string[] | null => {
  const names = [...new Set(call.fields(name).flatMap(lines))];
  return names.length === 0 ? null : names;
};

/** A list of words; an undo posts it as one text. */
const chosen = (call: ConsoleCall, name: string): string[] => call.fields(name).flatMap(words);

/** Reads a card's values for the use case. @throws DomainError invalid_request. */
export function changesOf(card: Card, call: ConsoleCall, client: ManagedClient): ClientChanges {
  const orNone = <T extends string | string[]>(value: T) => (value.length === 0 ? null : value);
  switch (card) {
    case 'basics':
      return {
        name: call.field('name'),
        metadata: {
          ...Object.fromEntries(Object.keys(URLS).map((url) => [url, orNone(call.field(url))])),
          first_party: call.field('first_party') === '' ? null : true,
          ...agentChange(call, client),
          ...Object.fromEntries(Object.keys(NUMBERS).map((number) => [number, numberOf(call.field(number))])),
        },
      };
    case 'addresses': {
      const addresses = Object.keys(ADDRESSES).map((name): [string, string[]] => [
        name,
        lines(call.raw(name)),
      ]);
      return {
        metadata: Object.fromEntries(
          addresses.map(([name, value]) => [name, name in client.metadata ? value : orNone(value)]),
        ),
      };
    }
    case 'scopes':
      return { metadata: { scope: orNone(chosen(call, 'scope').join(' ')) } };
    case 'access':
      return {
        metadata: {
          allowed_roles: circleOf(call, 'allowed_roles'),
          allowed_groups: circleOf(call, 'allowed_groups'),
        },
      };
    case 'roles':
      return { roles: chosen(call, 'roles') };
    default: {
      const wanted = parsed(call.raw('metadata'));
      const gone = Object.keys(client.metadata).filter((name) => !(name in wanted));
      return { metadata: { ...wanted, ...Object.fromEntries(gone.map((name) => [name, null])) } };
    }
  }
}

/** Whether the client is an agent, only if that was changed; otherwise it stays inferred. */
function agentChange(call: ConsoleCall, { metadata }: ManagedClient): Record<string, boolean> {
  const agent = call.field('agent') !== '';
  return agent === isAgent(metadata) ? {} : { agent };
}

/** Reads a number; other text is passed on, so that the use case refuses it with the field's name. */
const numberOf = (typed: string): number | string | null =>
  typed === '' ? null : /^\d{1,9}$/.test(typed) ? Number(typed) : typed;

function parsed(typed: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(typed);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw new DomainError('invalid_request', {
      field: 'metadata',
      reason: error instanceof Error ? error.message : 'JSON',
    });
  }
  throw new DomainError('invalid_request', { field: 'metadata', reason: 'must be an object' });
}

/** The fields that put a card back as it was. */
export const fieldsOf = (card: Card, client: ManagedClient, choices: Choices): Record<string, string> =>
  Object.fromEntries(
    controlsOf(card, client, choices).flatMap(({ name, type, value = '' }): [string, string][] => {
      if (type === 'checkbox') return value === true ? [[name, 'yes']] : [];
      return [[name, typeof value === 'object' ? value.join('\n') : String(value)]];
    }),
  );
