import type { Provider } from 'oidc-provider';
import { isAnswer, type Replies } from '../kernel/replies.ts';

/**
 * An interaction ends when the reply to which it led has been sent. The library ends it before it makes the reply, and a
 * browser that was told to come again would have to begin anew.
 */
export function installResumption(provider: Provider, replies: Pick<Replies, 'after'>): void {
  const { prototype } = provider.Interaction;
  const { destroy } = prototype;
  Object.assign(prototype, {
    destroy(this: InstanceType<Provider['Interaction']>) {
      return replies.after(async (status) => {
        if (isAnswer(status)) await destroy.call(this);
      });
    },
  });
}
