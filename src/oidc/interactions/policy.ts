import { interactionPolicy, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type Override, shape } from '../overrides/override.ts';
import { type AppAccess, NOT_ALLOWED } from '../clients/app-access.ts';
import { grantOfIdToken } from '../tokens/id-token-claims.ts';
import { accountOfSubject, type SubjectDependencies } from '../tokens/subjects.ts';

const { Check, Prompt } = interactionPolicy;

/** Drops the library's copy of the request: pages read the request itself. */
function forgetDetails(prompt: interactionPolicy.Prompt): void {
  const none = () => ({});
  for (const part of [prompt, ...prompt.checks]) Object.assign(part, { details: none });
}

/**
 * The prompts, in order: create an account (`prompt=create`, Initiating User Registration via OpenID Connect 1.0), select an
 * account (`prompt=select_account`), log in, show a second factor when the request wants a stronger login, return when the app
 * is not for the person, consent.
 */
export function createInteractionPolicy({
  mayUse,
}: Pick<AppAccess, 'mayUse'>): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const login = policy.get('login');
  // Clients want the very value that they requested; a stronger login is as good.
  for (const exact of ['essential_acrs', 'essential_acr']) login?.checks.remove(exact);
  login?.checks.add(
    new Check(
      'account_unusable',
      'End-User authentication is required',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
    ),
  );
  // The library checks the hint when the request comes, not when somebody returns with another account.
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
  const isNotForThem = new Check(
    'not_allowed',
    NOT_ALLOWED,
    'access_denied',
    async ({ oidc: { client, session } }) =>
      session?.accountId !== undefined && !(await mayUse(client, session.accountId)),
  );
  policy.add(new Prompt({ name: 'app_access', requestable: false }, isNotForThem), 4);
  return policy;
}

/** Authentication context classes, from one factor to two that resist phishing. */
export const ACR_VALUES = ['urn:postern:acr:1fa', 'urn:postern:acr:2fa', 'urn:postern:acr:phr'] as const;

export type AcrValue = (typeof ACR_VALUES)[number];

type AcrClaim = { essential?: unknown; value?: unknown; values?: unknown } | null | undefined;

const valuesOf = (claim: AcrClaim): unknown[] => [
  ...(claim?.value === undefined ? [] : [claim.value]),
  ...(Array.isArray(claim?.values) ? (claim.values as unknown[]) : []),
];

const rank = (acr: unknown): number => ACR_VALUES.indexOf(acr as AcrValue);

/**
 * The weakest login that an authorization request accepts, of those that it names (`acr_values`, and the acr of the `claims`
 * request: OpenID Connect Core sections 3.1.2.1 and 5.5.1.1). Undefined when it names none of ours.
 */
export function requestedAcr({ oidc }: KoaContextWithOIDC): AcrValue | undefined {
  const claim = oidc.claims?.id_token?.['acr'] as AcrClaim;
  const listed = oidc.params?.['acr_values'];
  const named = [...(typeof listed === 'string' ? listed.split(' ') : []), ...valuesOf(claim)];
  const ranks = named.map(rank).filter((found) => found >= 0);
  return ranks.length === 0 ? undefined : ACR_VALUES[Math.min(...ranks)];
}

/** Whether a request insists on a class that no login here can have (OpenID Connect Core section 5.5.1.1). */
export function insistsOnUnknown({ oidc }: KoaContextWithOIDC): boolean {
  const claim = oidc.claims?.id_token?.['acr'] as AcrClaim;
  return (
    claim?.essential === true && valuesOf(claim).length > 0 && valuesOf(claim).every((acr) => rank(acr) < 0)
  );
}

/** Whether a login is at least as strong as asked for. */
export const satisfies = (acr: string | undefined, asked: AcrValue): boolean => rank(acr) >= rank(asked);

/** An interaction that keeps the account of the request's `id_token_hint` instead of the token, which is long. */
export interface HintedInteraction {
  /** The account; undefined without a hint, and for a pairwise one whose grant has ended. */
  hintedId?: string | undefined;
}

type Interaction = HintedInteraction & {
  grantId?: string | undefined;
  save(ttl: number): Promise<string>;
};

/** The account that a request's `id_token_hint` names; undefined without one, and for a pairwise one whose grant has ended. */
export async function hintedAccount(
  { client, entities, provider }: KoaContextWithOIDC['oidc'],
  { secrets, sourceIds }: SubjectDependencies,
): Promise<string | undefined> {
  const { sub, jti } = entities.IdTokenHint?.payload ?? {};
  const known = await accountOfSubject({ sourceIds }, sub, client);
  const grantId = known === undefined ? grantOfIdToken(secrets, jti) : undefined;
  return grantId === undefined ? known : (await provider.Grant.find(grantId))?.accountId;
}

/**
 * An interaction does not end with the grant that it began under. That grant ends when another person signs in, which the same
 * browser or another tab may be about to do. It keeps the result of the request's hint.
 */
function installInteractions(provider: Provider, dependencies: SubjectDependencies): void {
  const hinted = async (): Promise<string | undefined> => {
    const oidc = Provider.ctx?.oidc;
    // Another step of the same request.
    const { hintedId } = (oidc?.entities.Interaction ?? {}) as HintedInteraction;
    return hintedId ?? (oidc && hintedAccount(oidc, dependencies));
  };
  const { Interaction } = provider;
  const { IN_PAYLOAD } = Interaction as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Interaction, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'hintedId'] });
  const prototype = Interaction.prototype as unknown as Interaction;
  const { save } = prototype;
  prototype.save = async function saveDetached(ttl) {
    this.grantId = undefined;
    this.hintedId ??= await hinted();
    return save.call(this, ttl);
  };
}

export const interactionHints: Override<SubjectDependencies> = {
  name: 'interaction-hints',
  why: 'the library ends an interaction with the grant it began under, and keeps the whole id_token_hint in it',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Interaction.prototype.save', 'Interaction.IN_PAYLOAD.grantId'),
  install: installInteractions,
};
