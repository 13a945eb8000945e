import { createMail } from '../mail/index.ts';
import { createPingDelivery } from '../oidc/ciba.ts';
import { createLogoutDelivery } from '../oidc/logout/back-channel.ts';
import { createOutboundFetch, type OutboundFetch } from '../oidc/outbound/fetch.ts';
import type { Dispatcher } from '../outbox/dispatcher.ts';
import { createWebhookDelivery } from '../outbox/webhooks.ts';
import type { Core } from './core.ts';
import type { ProviderSide } from './provider.ts';

/** Receivers get 15 seconds. Their reply body is not read. */
const WEBHOOK_LIMITS = { timeout: 15_000, maxBytes: null };

/**
 * The dispatchers of the outbox. @param fetch the guarded fetch, for addresses that clients choose
 */
export function createDispatchers(core: Core, { live }: ProviderSide, fetch: OutboundFetch): Dispatcher {
  const { config, clock, logger } = core;
  const { notifications, outbox, logoutNotices: notices, pings, webhookQueue: queue } = core.stores;
  const all = [
    createMail({
      config,
      branding: core.branding,
      outbox,
      texts: core.stores.mailTexts,
      notifications,
      clock,
      logger,
    }),
    createLogoutDelivery({ notices, live, fetch, notifications, logger }),
    createPingDelivery({ pings, live, fetch, clock, notifications, logger }),
    createWebhookDelivery({
      queue,
      fetch: createOutboundFetch(config.outbound, WEBHOOK_LIMITS),
      disable: core.webhooks.disable,
      clock,
      notifications,
      logger,
    }),
  ];
  return {
    start: () => all.forEach((one) => one.start()),
    async stop() {
      await Promise.all(all.map((one) => one.stop()));
    },
  };
}
