import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import type { ApiRecord, Apis } from '../../storage/apis.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';
import { JWT_BEARER } from './grant-types.ts';
import { ME_SCOPES } from './me-scopes.ts';

/** No access token lives longer, whatever an API asks for, in seconds: revocation marks are kept that long. */
export const MAX_ACCESS_TOKEN_TTL = 86_400;

/** The APIs that access tokens can be for (RFC 8707), kept in process and read anew when they change. */
export class ApiRegistry {
  readonly #store: Apis;
  readonly #builtIns: ApiRecord[];
  #apis = new Map<string, ApiRecord>();
  #loading: Promise<void> = Promise.resolve();
  /** The identifier of the API that is always there. */
  readonly builtIn: string;

  /** @param publicUrl the issuer; its own API is always there. @param contracts those of the contract doors. */
  constructor(store: Apis, publicUrl: string, contracts: ApiRecord[]) {
    this.#store = store;
    this.builtIn = `${publicUrl}/api/v2`;
    const own: ApiRecord = {
      identifier: this.builtIn,
      name: 'Postern API',
      scopes: Object.keys(ME_SCOPES),
      accessTokenFormat: 'jwt',
      accessTokenTtl: null,
      signingAlg: 'ES256',
    };
    this.#builtIns = [own, ...contracts];
  }

  /** Reads them anew. Loads run one after the other, so that none puts back what it read before a later change. */
  load(): Promise<void> {
    const loaded = this.#loading.then(() => this.#read());
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  async #read(): Promise<void> {
    const all = [...this.#builtIns, ...(await this.#store.list())];
    this.#apis = new Map(all.map((api) => [api.identifier, api]));
  }

  find(identifier: string): ApiRecord | undefined {
    return this.#apis.get(identifier);
  }
}

type Client = KoaContextWithOIDC['oidc']['client'] & ExtraClientProperties;

/** The grants by which a client gets tokens of its own. */
const OWN_GRANTS = new Set<unknown>(['client_credentials', JWT_BEARER]);

const isForItself = (ctx: KoaContextWithOIDC) => OWN_GRANTS.has(ctx.oidc.params?.['grant_type']);

const inWords = (words: string) => Set.prototype.has.bind(new Set(words.split(' ')));

/**
 * An API as the library wants it.
 * @param ttl seconds that access tokens live when the API names none
 * @param longest seconds that they live at most, whatever the API says
 */
export const resourceServerOf = (
  api: ApiRecord,
  scopes: string[],
  ttl: number,
  longest = MAX_ACCESS_TOKEN_TTL,
): ResourceServer => ({
  audience: api.identifier,
  scope: scopes.join(' '),
  accessTokenTTL: Math.min(api.accessTokenTtl ?? ttl, longest, MAX_ACCESS_TOKEN_TTL),
  accessTokenFormat: api.accessTokenFormat,
  jwt: { sign: { alg: api.signingAlg } },
});

/**
 * Resource indicators (RFC 8707) over the registry. A client may ask for the scopes in its own `scope` metadata; one
 * that has none there for any of an API through a person's consent, and for none for itself (client credentials, JWT bearer).
 */
export function resourceIndicators(apis: ApiRegistry, accessTokenTtl: number, clientCredentialsTtl: number) {
  return {
    enabled: true,
    defaultResource(ctx: KoaContextWithOIDC, client: Client, oneOf?: string[] | string): string[] | string {
      if (oneOf !== undefined) return oneOf;
      // A service account gets a JWT access token without having to know this parameter.
      const fallback = isForItself(ctx) ? apis.builtIn : [];
      return client.default_resource ?? fallback;
    },
    useGrantedResource: () => false,
    getResourceServerInfo(ctx: KoaContextWithOIDC, identifier: string, client: Client): ResourceServer {
      const api = apis.find(identifier);
      if (!api) throw new errors.InvalidTarget('there is no API with this identifier');
      const own = isForItself(ctx);
      const limit = client.api_scope ?? (own ? '' : undefined);
      const scopes = limit === undefined ? api.scopes : api.scopes.filter(inWords(limit));
      const requested = ctx.oidc.requestParamScopes;
      const refused = own ? [...requested].filter((scope) => !scopes.includes(scope)) : [];
      if (refused.length > 0)
        throw new errors.InvalidScope('requested scope is not allowed', refused.join(' '));
      const ofClient = client.access_token_ttl;
      const ttl = ofClient ?? (own ? clientCredentialsTtl : accessTokenTtl);
      return resourceServerOf(api, scopes, ttl, ofClient);
    },
  };
}
