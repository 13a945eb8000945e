import { createMail } from '../mail/index.ts';
import { createPingDelivery } from '../oidc/ciba/pings.ts';
import { createLogoutDelivery } from '../oidc/logout/back-channel.ts';
import type { OutboundFetch } from '../oidc/outbound/fetch.ts';
import type { Dispatcher } from '../outbox/dispatcher.ts';
import type { Core } from './core.ts';
import type { ProviderSide } from './provider.ts';

/**
 * Everything that goes out through the outbox.
 * @param fetch asks addresses that clients name
 */
export function createDispatchers(core: Core, { live }: ProviderSide, fetch: OutboundFetch): Dispatcher {
  const { config, clock, logger } = core;
  const { notifications, outbox, logoutNotices: notices, pings } = core.stores;
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
