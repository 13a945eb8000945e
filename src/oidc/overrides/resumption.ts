import type { Provider } from 'oidc-provider';
import { isAnswer, type Replies } from '../../core/replies.ts';
import { type Override, shape } from './override.ts';

/**
 * An interaction ends when the reply to which it led has been sent. The library ends it before it makes the reply, and a
 * browser that was told to come again would have to begin anew.
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
