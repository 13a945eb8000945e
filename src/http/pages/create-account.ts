import type { Context } from 'koa';
import { epochSeconds } from '../../kernel/clock.ts';
import { isDomainError } from '../../kernel/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import { missing, problemOf, type Problem } from './problems.ts';
import { ACR_ONE_FACTOR, type SignedIn } from './sign-in.ts';

export type Values = { name: string; username: string; email: string };
export type CreateAttempt = { signedIn: SignedIn } | { problems: Problem[]; status: number; values: Values };

type Make = (entered: Values & { password: string }) => Promise<{ id: string }>;

/** Takes a posted create-account form: whoever made the account is signed in to it. */
export const tryCreateAccount = (ctx: Context, deps: PageParts): Promise<CreateAttempt> =>
  attempt(ctx, deps, field(ctx, 'email').trim(), ({ name, ...entered }) =>
    deps.accounts.register({ ...entered, name: name || null }, anonymousActor(ctx, 'pages')),
  );

/** The same, with an address that a link has proved. */
export const completeAccount = (
  ctx: Context,
  deps: PageParts,
  token: string,
  email: string,
): Promise<CreateAttempt> =>
  attempt(ctx, deps, email, ({ name, username, password }) => {
    const locale = deps.renderer.language(ctx, {});
    const account = { username, password, name: name || null, locale };
    return deps.registration.complete(token, account, anonymousActor(ctx, 'pages'));
  });

async function attempt(
  ctx: Context,
  { config, clock }: PageParts,
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
    const { id: accountId } = await make({ ...values, password });
    const authTime = epochSeconds(clock);
    return { signedIn: { accountId, amr: ['pwd'], acr: ACR_ONE_FACTOR, authTime, remember: false } };
  } catch (error) {
    const problem = isDomainError(error) ? problemOf(error, passwordLength(config)) : undefined;
    if (!problem || !isDomainError(error)) throw error;
    const isBusy = error.code === 'overloaded' || error.code === 'unavailable';
    return { problems: [problem], status: isBusy ? 503 : 400, values };
  }
}
