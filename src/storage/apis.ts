import type { SigningAlg } from '../core/signing-algs.ts';
import type { TokenTypeHeader } from '../core/token-type-header.ts';
import { Api } from './models/api.ts';
import type { Tx } from './postgres/transaction.ts';

/** A resource server (RFC 8707) that access tokens can be for. */
export interface ApiRecord {
  /** An absolute URI: the token's audience. */
  identifier: string;
  name: string;
  scopes: string[];
  accessTokenFormat: 'jwt' | 'opaque';
  /** Seconds; null takes the server's default. */
  accessTokenTtl: number | null;
  /** Of access tokens that are JWTs. */
  signingAlg: SigningAlg;
  /** Of those too: `jwt` for a resource server that refuses `at+jwt`. */
  tokenTypeHeader: TokenTypeHeader;
}

export interface Apis {
  /** Creates the API or replaces what was known of it. */
  save(api: ApiRecord, tx: Tx): Promise<void>;
  list(): Promise<ApiRecord[]>;
  /** @returns whether there was one. */
  delete(identifier: string, tx: Tx): Promise<boolean>;
}

/** The registry of APIs in PostgreSQL. */
export const apis: Apis = {
  save: async (api, tx) => void (await Api.upsert(api, { transaction: tx.handle })),
  async list() {
    const all = await Api.findAll({ order: ['identifier'] });
    return all.map((api) => ({
      identifier: api.identifier,
      name: api.name,
      scopes: api.scopes,
      accessTokenFormat: api.accessTokenFormat,
      accessTokenTtl: api.accessTokenTtl,
      signingAlg: api.signingAlg,
      tokenTypeHeader: api.tokenTypeHeader,
    }));
  },
  delete: async (identifier, tx) =>
    (await Api.destroy({ where: { identifier }, transaction: tx.handle })) > 0,
};
