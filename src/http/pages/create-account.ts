import type { Context } from 'koa';
import type { RegistrationLink } from '../../domain/registration/index.ts';
import type { User } from '../../domain/users/index.ts';
import { epochSeconds } from '../../kernel/clock.ts';
import { isDomainError } from '../../kernel/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import { missing, problemOf, type Problem } from './problems.ts';
import { ACR_ONE_FACTOR, type Outcome } from './sign-in.ts';
import type { Frame } from './views.ts';

export type Values = { name: string; username: string; email: string };
export type CreateAttempt = Outcome | { problems: Problem[]; status: number; values: Values };

type Make = (entered: Values & { password: string }) => Promise<User>;

/**
 * Takes a posted create-account form: whoever made the account is signed in to it.
 * @param frame what the page has around it: its language is the account's.
 */
export const tryCreateAccount = (ctx: Context, deps: PageParts, frame: Frame): Promise<CreateAttempt> =>
  attempt(ctx, deps, field(ctx, 'email').trim(), ({ name, ...entered }) => {
    const locale = deps.renderer.language(ctx, frame);
    const account = { ...entered, name: name || null, locale };
    return deps.accounts.register(account, anonymousActor(ctx, 'pages'));
  });

/** The same, with an address that a link has proved. */
export const completeAccount = (
  ctx: Context,
  deps: PageParts,
  token: string,
  link: RegistrationLink,
): Promise<CreateAttempt> =>
  attempt(ctx, deps, link.email, ({ name, username, password }) => {
    const locale = deps.renderer.language(ctx, { uiLocales: link.locale ?? undefined });
    const account = { username, password, name: name || null, locale };
    return deps.registration.complete(token, account, anonymousActor(ctx, 'pages'));
  });

async function attempt(
  ctx: Context,
  { config, clock, mfa }: PageParts,
  email: string,
  make: Make,
): Promise<CreateAttempt> {
  const values = { name: field(ctx, 'name').trim(), username: field(ctx, 'username').trim(), email };
  const password = field(ctx, 'password');
  const empty = [
    values.username ? [] : missing('username'),
    values.email ? [] : missing('email'),
    password ? [] : missing('password'),
  ].flat();
  if (empty.length > 0) return { problems: empty, status: 400, values };
  try {
    const user = await make({ ...values, password });
    const { id: accountId, securityVersion } = user;
    const authTime = epochSeconds(clock);
    return {
      signedIn: { accountId, securityVersion, amr: ['pwd'], acr: ACR_ONE_FACTOR, authTime, remember: false },
      enrol: mfa.isRequired(user),
    };
  } catch (error) {
    const problem = isDomainError(error) ? problemOf(error, passwordLength(config)) : undefined;
    if (!problem || !isDomainError(error)) throw error;
    const isBusy = error.code === 'overloaded' || error.code === 'unavailable';
    return { problems: [problem], status: isBusy ? 503 : 400, values };
  }
}
