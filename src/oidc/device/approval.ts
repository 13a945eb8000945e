import { Provider } from 'oidc-provider';

type DeviceCode = InstanceType<Provider['DeviceCode']>;

/** What of a session counts here. */
interface Session {
  /** Seconds since the epoch; a session that was never stored has none. */
  exp?: number;
  persist(): Promise<unknown>;
}

/**
 * Stores the session before the code that was approved in it. The library does it when the page has been answered, and a
 * device that asks in between would find no session that its code is bound to, and give up.
 */
export function installApproval(provider: Provider): void {
  const { prototype } = provider.DeviceCode;
  const { save } = prototype;
  Object.assign(prototype, {
    async save(this: DeviceCode) {
      const session = Provider.ctx?.oidc.session as Session | undefined;
      if (this.accountId !== undefined && session?.exp !== undefined) await session.persist();
      return save.call(this);
    },
  });
}
