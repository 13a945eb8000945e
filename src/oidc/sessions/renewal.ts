import type { Provider } from 'oidc-provider';

type Session = InstanceType<Provider['Session']> & { oldId?: string | undefined };

/**
 * A session whose id is renewed at login is saved under the new one before the old one ends. The library does it the
 * other way round, and a refresh token that lives with the session would find none in between.
 */
export function installSessionRenewal(provider: Provider): void {
  const { save } = provider.Session.prototype as unknown as {
    save(this: Session, ttl: number): Promise<string>;
  };
  Object.assign(provider.Session.prototype, {
    async save(this: Session, ttl: number) {
      const { oldId } = this;
      this.oldId = undefined;
      const id = await save.call(this, ttl);
      if (oldId !== undefined) await provider.Session.adapter.destroy(oldId);
      return id;
    },
  });
}
