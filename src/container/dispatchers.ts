import type { Config } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { createMail } from '../mail/index.ts';
import { createPingDelivery } from '../oidc/ciba/pings.ts';
import type { LiveProvider } from '../oidc/live-provider.ts';
import { createLogoutDelivery } from '../oidc/logout/delivery.ts';
import type { Dispatcher } from '../outbox/dispatcher.ts';
import type { Stores } from './stores.ts';

interface Dependencies {
  config: Config;
  stores: Stores;
  live: LiveProvider;
  /** Asks addresses that clients name. */
  fetch: typeof globalThis.fetch;
  clock: Clock;
  logger: Logger;
}

/** Everything that goes out through the outbox. */
export function createDispatchers({ config, stores, live, fetch, clock, logger }: Dependencies): Dispatcher {
  const { notifications, outbox, logoutNotices: notices, pings } = stores;
  const all = [
    createMail({ config, outbox, notifications, clock, logger }),
    createLogoutDelivery({ notices, live, fetch, notifications, logger }),
    createPingDelivery({ pings, live, fetch, clock, notifications, logger }),
  ];
  return {
    start: () => all.forEach((one) => one.start()),
    async stop() {
      await Promise.all(all.map((one) => one.stop()));
    },
  };
}
