import type { Upstream } from '../config/index.ts';
import type { Upstreams } from '../storage/upstreams.ts';

/** The providers that people may sign in with, kept in process and read anew when they change. */
export class UpstreamRegistry {
  readonly #store: Pick<Upstreams, 'list'>;
  readonly #configured: Upstream[];
  #upstreams = new Map<string, Upstream>();
  #loading: Promise<void> = Promise.resolve();

  /** @param configured those of the configuration: they go before others of their id. */
  constructor(store: Pick<Upstreams, 'list'>, configured: Upstream[]) {
    this.#store = store;
    this.#configured = configured;
  }

  /** Reads them anew. Loads run one after the other, so that none puts back what it read before a later change. */
  load(): Promise<void> {
    const loaded = this.#loading.then(() => this.#read());
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  async #read(): Promise<void> {
    const stored = await this.#store.list();
    const configuredIds = new Set(this.#configured.map(({ id }) => id));
    const all = [...this.#configured, ...stored.filter(({ id }) => !configuredIds.has(id))];
    this.#upstreams = new Map(all.map((upstream) => [upstream.id, upstream]));
  }

  list(): Upstream[] {
    return [...this.#upstreams.values()];
  }

  find(id: string): Upstream | undefined {
    return this.#upstreams.get(id);
  }
}
