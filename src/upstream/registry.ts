import { inTurn } from '../core/in-turn.ts';
import type { Upstream } from '../config/index.ts';
import type { UpstreamRecord, Upstreams } from '../storage/upstreams.ts';

/** The sign-in providers, cached in process and reloaded when they change. */
export class UpstreamRegistry {
  readonly #store: Pick<Upstreams, 'list'>;
  readonly #configured: Upstream[];
  #upstreams = new Map<string, UpstreamRecord>();
  /** Reloads the providers. */
  readonly load = inTurn(() => this.#read());

  /** @param configured providers of the configuration. They override others with the same id. */
  constructor(store: Pick<Upstreams, 'list'>, configured: Upstream[]) {
    this.#store = store;
    this.#configured = configured;
  }

  async #read(): Promise<void> {
    const stored = await this.#store.list();
    const configuredIds = new Set(this.#configured.map(({ id }) => id));
    const all = [
      ...this.#configured.map((upstream) => ({ upstream, enabled: true, version: 1 })),
      ...stored.filter(({ upstream: { id } }) => !configuredIds.has(id)),
    ];
    this.#upstreams = new Map(all.map((record) => [record.upstream.id, record]));
  }

  /** The enabled providers. */
  list(): Upstream[] {
    return [...this.#upstreams.values()].flatMap(({ upstream, enabled }) => (enabled ? [upstream] : []));
  }

  /** An enabled provider. */
  find(id: string): Upstream | undefined {
    const found = this.#upstreams.get(id);
    return found?.enabled ? found.upstream : undefined;
  }

  /** The name of a provider, enabled or not. */
  nameOf(id: string): string | undefined {
    return this.#upstreams.get(id)?.upstream.name;
  }
}
