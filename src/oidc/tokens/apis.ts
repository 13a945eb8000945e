import { inTurn } from '../../core/in-turn.ts';
import type { ResourceServer } from 'oidc-provider';
import { API_DEFAULTS } from '../../domain/apis.ts';
import { ALL_PERMISSIONS } from '../../domain/operators/permissions.ts';
import type { ApiContent, Apis } from '../../storage/apis.ts';
import { contractAudience } from '../contracts/clients.ts';
import { ME_SCOPES } from './me-scopes.ts';

/** Maximum lifetime of access tokens in seconds, whatever an API asks for: revocation marks are kept that long. */
export const MAX_ACCESS_TOKEN_TTL = 86_400;

/** The scopes of the built-in API: those of `/me`, and those for management. */
export const OWN_API_SCOPES: readonly string[] = [...Object.keys(ME_SCOPES), ...ALL_PERMISSIONS];

/** The identifier of that API. @param publicUrl the issuer. */
export const ownApiIdentifier = (publicUrl: string): string => `${publicUrl}/api/v2`;

/** Whether an identifier is reserved: that of our own API or of a contract, or confusable with one. */
export function isBuiltInApi(identifier: string, publicUrl: string): boolean {
  const href = URL.parse(identifier)?.href.toLowerCase() ?? '';
  return [ownApiIdentifier(publicUrl), contractAudience(publicUrl, '')]
    .map((reserved) => new URL(reserved).href.toLowerCase().replace(/\/$/, ''))
    .some(
      (reserved) => href === reserved || href.startsWith(`${reserved}/`) || href.startsWith(`${reserved}?`),
    );
}

/** The API of a contract; exists only while the contract is open. */
interface ContractApi {
  api: ApiContent;
  isOpen(): boolean;
}

/** `isOwn` marks our own API, which manages accounts. */
export type KnownApi = ApiContent & { isOwn?: boolean };

/**
 * The identifier with a final slash added, or removed: MCP clients write a server's URL either way (MCP Authorization,
 * "Canonical Server URI").
 */
const otherForm = (identifier: string): string =>
  identifier.endsWith('/') ? identifier.slice(0, -1) : `${identifier}/`;

/** The APIs that access tokens can be for (RFC 8707), cached in the process and reloaded when they change. */
export class ApiRegistry {
  readonly #store: Pick<Apis, 'list'>;
  readonly #own: KnownApi;
  readonly #contracts: ReadonlyMap<string, ContractApi>;
  #apis = new Map<string, KnownApi>();
  #open: readonly KnownApi[] = [];
  #dynamic: readonly KnownApi[] = [];
  /** Reloads the APIs. */
  readonly load = inTurn(() => this.#read());
  /** The identifier of the built-in API. */
  readonly builtIn: string;

  /** @param publicUrl the issuer; its own API is built in. @param contracts those of the contracts. */
  constructor(store: Pick<Apis, 'list'>, publicUrl: string, contracts: ContractApi[]) {
    this.#store = store;
    this.builtIn = ownApiIdentifier(publicUrl);
    this.#own = {
      ...API_DEFAULTS,
      identifier: this.builtIn,
      name: 'Postern API',
      isOwn: true,
      scopes: [...OWN_API_SCOPES],
    };
    this.#contracts = new Map(contracts.map((contract) => [contract.api.identifier, contract]));
  }

  async #read(): Promise<void> {
    const builtIn = [this.#own, ...[...this.#contracts.values()].map(({ api }) => api)];
    const registered = (await this.#store.list()).filter(
      (api) => !builtIn.some(({ identifier }) => identifier === api.identifier),
    );
    this.#open = [this.#own, ...registered];
    this.#dynamic = registered.filter(({ dynamicClients }) => dynamicClients);
    this.#apis = new Map([
      ...this.#dynamic.map((api): [string, KnownApi] => [otherForm(api.identifier), api]),
      ...[...registered, this.#own].map((api): [string, KnownApi] => [api.identifier, api]),
    ]);
  }

  find(identifier: string): KnownApi | undefined {
    const known = this.#apis.get(identifier) ?? this.#inLowerCase(identifier);
    if (known) return known;
    const contract = this.#contracts.get(identifier);
    return contract?.isOpen() ? contract.api : undefined;
  }

  /** One whose scheme and host are written in capitals, for a client that is no better (RFC 3986 section 6.2.2.1). */
  #inLowerCase(identifier: string): KnownApi | undefined {
    const [start] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*/i.exec(identifier) ?? [];
    if (start === undefined || start === start.toLowerCase()) return undefined;
    const api = this.#apis.get(start.toLowerCase() + identifier.slice(start.length));
    return api?.dynamicClients ? api : undefined;
  }

  /** Whether its JWT access tokens have the `typ` `JWT` instead of `at+jwt`. */
  hasPlainType(identifier: unknown): boolean {
    return typeof identifier === 'string' && this.#apis.get(identifier)?.tokenTypeHeader === 'jwt';
  }

  /** APIs open to clients that no operator registered. */
  get dynamic(): readonly KnownApi[] {
    return this.#dynamic;
  }

  /** All except those of the contracts, whose tokens come from their own endpoints. */
  get open(): readonly KnownApi[] {
    return this.#open;
  }
}

/**
 * An API as the library wants it.
 * @param ttl seconds that access tokens live when the API names none
 * @param maxTtl maximum seconds that they live, whatever the API says
 */
export const resourceServerOf = (
  api: ApiContent,
  scopes: string[],
  ttl: number,
  maxTtl = MAX_ACCESS_TOKEN_TTL,
): ResourceServer => ({
  audience: api.identifier,
  scope: scopes.join(' '),
  accessTokenTTL: Math.min(api.accessTokenTtl ?? ttl, maxTtl, MAX_ACCESS_TOKEN_TTL),
  accessTokenFormat: api.accessTokenFormat,
  jwt: { sign: { alg: api.signingAlg } },
});
