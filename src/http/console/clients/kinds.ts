import type { ClientKind } from '../../../domain/clients.ts';
import type { Permission } from '../../../domain/operators/permissions.ts';
import type { FilterSpec } from '../lists.ts';
import type { MessageKey } from '../../pages/i18n.ts';
import type { Icon } from '../../pages/templates.ts';
import { type Snippet, SNIPPETS } from './snippets.ts';

const CODE = 'authorization_code';
const REFRESH = 'refresh_token';

/** What the wizard creates. An MCP server is an API that any client may request. */
export type WizardKind = ClientKind | 'mcp';

interface KindSpec {
  label: MessageKey;
  text: MessageKey;
  icon: Icon;
  permission: Permission;
  /** Whether it has redirect URIs, to which people return after signing in. */
  comesBack: boolean;
  /** Whether it asks people for consent. */
  asksPeople: boolean;
  metadata: Readonly<Record<string, unknown>>;
  /** Redirect URIs offered for development, where no framework has its own. */
  redirectUri?: string;
}

export const KINDS: Readonly<Record<WizardKind, KindSpec>> = {
  web: {
    label: 'console.kind.web',
    text: 'console.kind.webText',
    icon: 'grid',
    permission: 'clients:write',
    comesBack: true,
    asksPeople: true,
    metadata: { grant_types: [CODE, REFRESH] },
    redirectUri: 'http://localhost:3000/callback',
  },
  spa: {
    label: 'console.kind.spa',
    text: 'console.kind.spaText',
    icon: 'arrow',
    permission: 'clients:write',
    comesBack: true,
    asksPeople: true,
    metadata: { grant_types: [CODE, REFRESH], token_endpoint_auth_method: 'none' },
    redirectUri: 'http://localhost:5173/callback',
  },
  native: {
    label: 'console.kind.native',
    text: 'console.kind.nativeText',
    icon: 'phone',
    permission: 'clients:write',
    comesBack: true,
    asksPeople: true,
    metadata: {
      grant_types: [CODE, REFRESH],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirectUri: 'http://127.0.0.1/callback',
  },
  service: {
    label: 'console.kind.service',
    text: 'console.kind.serviceText',
    icon: 'refresh',
    permission: 'clients:write',
    comesBack: false,
    asksPeople: false,
    metadata: { grant_types: ['client_credentials'] },
  },
  device: {
    label: 'console.kind.device',
    text: 'console.kind.deviceText',
    icon: 'passkey',
    permission: 'clients:write',
    comesBack: false,
    asksPeople: true,
    metadata: {
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', REFRESH],
      token_endpoint_auth_method: 'none',
    },
  },
  gateway: {
    label: 'console.kind.gateway',
    text: 'console.kind.gatewayText',
    icon: 'key',
    permission: 'clients:write',
    comesBack: false,
    asksPeople: false,
    metadata: {},
  },
  mcp: {
    label: 'console.kind.mcp',
    text: 'console.kind.mcpText',
    icon: 'home',
    permission: 'apis:write',
    comesBack: false,
    asksPeople: false,
    metadata: {},
  },
};

export const isKind = (name: string): name is WizardKind => Object.hasOwn(KINDS, name);

/** Frameworks that have snippets. */
export const frameworksOf = (kind: WizardKind): Snippet[] => SNIPPETS.filter((one) => one.kind === kind);

/** Scopes of OpenID Connect that the wizard ticks by default. */
export const USUAL_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

export const CLIENT_FILTERS: readonly FilterSpec[] = [
  { name: 'search', label: 'console.clients.search', type: 'search', hint: 'console.clients.searchHint' },
  {
    name: 'kind',
    label: 'console.clients.kind',
    type: 'select',
    options: (['web', 'spa', 'native', 'device', 'service', 'gateway'] as const).map((value) => ({
      value,
      label: KINDS[value].label,
    })),
  },
  {
    name: 'enabled',
    label: 'console.clients.standing',
    type: 'select',
    options: [
      { value: 'true', label: 'console.clients.enabled' },
      { value: 'false', label: 'console.clients.disabled' },
    ],
  },
  {
    name: 'trait',
    label: 'console.clients.trait',
    type: 'select',
    options: [
      { value: 'agent', label: 'console.client.agentBadge' },
      { value: 'asserts_identities', label: 'console.client.asserts' },
    ],
  },
];

/** The label of each kind. */
export const KIND_LABELS = Object.fromEntries(
  Object.entries(KINDS).map(([kind, { label }]) => [kind, label]),
) as Readonly<Record<WizardKind, MessageKey>>;
