import type { Provider } from 'oidc-provider';
import { systemActor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { KeyRing, Keys } from './key-ring.ts';

interface Dependencies {
  keyRing: KeyRing;
  clock: Clock;
  logger: Logger;
  /** Builds a provider from keys. Takes a few milliseconds. */
  build(keys: Keys): Provider;
  /** Called with each new provider before it serves requests. */
  onSwap(provider: Provider, keys: Keys): void;
}

/** Longest interval between two reads of the keys, in milliseconds. */
const LOOK_AGAIN = 3_600_000;

/**
 * The current provider. When keys change, a new one replaces it; requests under way finish on the one they began with, so
 * rotation needs no restart and fails no request.
 */
export class LiveProvider {
  readonly #deps: Dependencies;
  #current: Provider | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Reloads run one after another; the last one wins. */
  #reloads: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  get current(): Provider {
    if (!this.#current) throw new Error('the provider has not been started');
    return this.#current;
  }

  /** Makes the first keys if there are none, and builds the provider. @throws StartupError with a wrong SECRETS_KEY. */
  async start(): Promise<void> {
    await this.#deps.keyRing.maintain(systemActor);
    await this.#load();
  }

  /** Loads changed keys; called when another node or the CLI changed them. Failures are logged and retried. */
  reload(): Promise<void> {
    this.#reloads = this.#reloads.then(() => this.#load()).catch((error: unknown) => this.#retry(error));
    return this.#reloads;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #load(): Promise<void> {
    const keys = await this.#deps.keyRing.load();
    const provider = this.#deps.build(keys);
    this.#deps.onSwap(provider, keys);
    this.#current = provider;
    this.#schedule(keys.changesAt - this.#deps.clock.now());
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const tick = () => {
      this.#reloads = this.#reloads
        .then(() => this.#deps.keyRing.maintain(systemActor))
        .then(() => this.#load())
        .catch((error: unknown) => this.#retry(error));
    };
    // Slightly late, so that the moment has passed for every comparison with the clock.
    this.#timer = setTimeout(tick, Math.min(Math.max(delay, 0) + 50, LOOK_AGAIN)).unref();
  }

  #retry(error: unknown): void {
    this.#deps.logger.error({ err: error }, 'signing keys could not be reloaded');
    this.#schedule(10_000);
  }
}
