import { Provider } from 'oidc-provider';
import { type Override, shape } from '../overrides/override.ts';

type Session = InstanceType<Provider['Session']> & { oldId?: string | undefined };

/** The requests whose session has been saved, under the id that its cookie has. */
const saved = new WeakSet<object>();

/** Whether the session of a request has been saved in it: else the cookie that it set names none. */
export const isSessionSaved = (ctx: object): boolean => saved.has(ctx);

/**
 * A session whose id is renewed at login is saved under the new one before the old one ends. The library does it the
 * other way round, and a refresh token that lives with the session would find none in between.
 */
function installSessionRenewal(provider: Provider): void {
  const { save } = provider.Session.prototype as unknown as {
    save(this: Session, ttl: number): Promise<string>;
  };
  Object.assign(provider.Session.prototype, {
    async save(this: Session, ttl: number) {
      const { oldId } = this;
      this.oldId = undefined;
      const id = await save.call(this, ttl);
      const { ctx } = Provider;
      if (ctx) saved.add(ctx);
      if (oldId !== undefined) await provider.Session.adapter.destroy(oldId);
      return id;
    },
  });
}

export const sessionRenewal: Override<unknown> = {
  name: 'session-renewal',
  why: 'the library ends the old session before it has stored the new one',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape('Session.prototype.save', 'Session.prototype.resetIdentifier', 'Session.adapter.destroy')(provider);
    const session = new provider.Session() as Session;
    const { jti } = session;
    session.resetIdentifier();
    if (session.oldId !== jti)
      throw new Error('Session.prototype.resetIdentifier does not keep oldId any more');
  },
  install: installSessionRenewal,
};
