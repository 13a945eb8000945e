import type { Upstream } from '../config/index.ts';
import { RegisteredUpstream } from './models/registered-upstream.ts';
import { insertUnlessThere } from './models/statements.ts';
import type { Tx } from './postgres/transaction.ts';

export interface Upstreams {
  /** In the order of their making. */
  list(): Promise<Upstream[]>;
  /** @returns whether there was none of this id. */
  create(upstream: Upstream, tx: Tx): Promise<boolean>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
}

/** Providers that people may sign in with and that were registered by the command, in PostgreSQL. */
export const upstreams: Upstreams = {
  async list() {
    const found = await RegisteredUpstream.findAll({ order: ['createdAt', 'id'] });
    return found.map(({ settings, secret }) => ({ ...settings, clientSecret: secret }));
  },
  async create({ clientSecret, ...settings }, tx) {
    const values = { id: settings.id, settings, secret: clientSecret };
    return (await insertUnlessThere(RegisteredUpstream, values, tx)) !== null;
  },
  delete: async (id, tx) => (await RegisteredUpstream.destroy({ where: { id }, transaction: tx })) > 0,
};
