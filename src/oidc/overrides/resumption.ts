import type { Provider } from 'oidc-provider';
import { isAnswer, type Replies } from '../../core/replies.ts';
import { type Override, shape } from './override.ts';

/**
 * Ends an interaction once the reply that it led to has been sent. The library ends it before making the reply; a browser told
 * to retry would have to start again.
 */
function installResumption(provider: Provider, replies: Pick<Replies, 'after'>): void {
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

export const resumption: Override<{ replies: Pick<Replies, 'after'> }> = {
  name: 'resumption',
  why: 'the library ends an interaction before it makes the reply to which it led',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Interaction.prototype.destroy'),
  install: (provider, { replies }) => installResumption(provider, replies),
};
