import { interactionPolicy } from 'oidc-provider';
import { insistsOnUnknown, requestedAcr, satisfies } from './acr.ts';
import type { HintedInteraction } from './hints.ts';

const { Check, Prompt } = interactionPolicy;

/** Pages read what a request says from the request: the library would keep it once more for them. */
function forgetDetails(prompt: interactionPolicy.Prompt): void {
  const none = () => ({});
  for (const part of [prompt, ...prompt.checks]) Object.assign(part, { details: none });
}

/**
 * What a person is asked, in this order: to create an account (`prompt=create`, Initiating User Registration via
 * OpenID Connect 1.0), which account to use (`prompt=select_account`), to log in, to show a second factor when the request
 * wants a stronger login, to consent.
 */
export function createInteractionPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const login = policy.get('login');
  // They want the very value that was asked for; a stronger login is as good.
  for (const exact of ['essential_acrs', 'essential_acr']) login?.checks.remove(exact);
  login?.checks.add(
    new Check(
      'account_unusable',
      'End-User authentication is required',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
    ),
  );
  // The library looks at the hint when the request comes, not when somebody comes back with another account.
  login?.checks.add(
    new Check(
      'hinted_account',
      'id_token_hint and authenticated subject do not match',
      'login_required',
      ({ oidc }) => {
        const { hintedId } = (oidc.entities.Interaction ?? {}) as HintedInteraction;
        return hintedId !== undefined && oidc.session?.accountId !== hintedId;
      },
    ),
  );
  if (login) forgetDetails(login);
  policy.add(new Prompt({ name: 'create', requestable: true }), 0);
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 1);
  const isWeak = new Check(
    'acr_too_weak',
    'the request asks for a stronger login',
    'interaction_required',
    (ctx) => {
      const asked = requestedAcr(ctx);
      return asked === undefined ? insistsOnUnknown(ctx) : !satisfies(ctx.oidc.acr, asked);
    },
    (ctx) => ({ acr: requestedAcr(ctx) }),
  );
  policy.add(new Prompt({ name: 'mfa', requestable: false }, isWeak), 3);
  return policy;
}
