import type { Context } from 'koa';
import type { RegistrationLink } from '../../domain/registration.ts';
import type { User } from '../../domain/users/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import { isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import type { Message } from './i18n.ts';
import { formStatus, missing, problemOf, problemsOf, type Problem } from './problems.ts';
import { ACR_ONE_FACTOR, type Outcome, type Refusal } from './sign-in.ts';
import type { Frame } from './views.ts';

export type Values = { name: string; username: string; email: string };
export type CreateAttempt = Outcome | (Refusal & { values: Values });

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

/** Whether a script asks what is wrong before it sends the form: so the password stays where it was typed. */
export const isCheck = (ctx: Context): boolean => ctx.get('Postern-Check') !== '';

/** Answers such a question, and does nothing else. @param page the one that the form is on. */
export async function answerCheck(ctx: Context, deps: PageParts, email: string, page: string): Promise<void> {
  const { values, problems: find } = written(ctx, deps, email);
  const problems = await find();
  // An account that has all of it may be their own, made by a form whose reply was lost.
  const isOwn = problems.every(({ message }) => TAKEN.has(message));
  if (problems.length === 0 || (isOwn && problems.length === TAKEN.size)) {
    ctx.status = 204;
    return;
  }
  deps.flash.leave(ctx, page, { status: 400, problems, values });
}

const TAKEN = new Set<Message>(['problem.usernameTaken', 'problem.emailTaken']);

/** What a posted form says, and everything that is wrong with it. */
function written(ctx: Context, { accounts, config }: PageParts, email: string) {
  const values = { name: field(ctx, 'name').trim(), username: field(ctx, 'username').trim(), email };
  const password = field(ctx, 'password');
  const entered = { ...values, password };
  const empty = (['username', 'email', 'password'] as const).filter((name) => entered[name] === '');
  return {
    values,
    password,
    async problems(): Promise<Problem[]> {
      const problems = empty.map(missing);
      if (!config.registration.open) return problems;
      const filled = Object.fromEntries(Object.entries(entered).filter(([, value]) => value !== ''));
      return [...problems, ...problemsOf(await accounts.mistakesIn(filled), passwordLength(config))];
    },
    isComplete: empty.length === 0,
  };
}

async function attempt(ctx: Context, deps: PageParts, email: string, make: Make): Promise<CreateAttempt> {
  const { config, clock, mfa } = deps;
  const { values, password, problems, isComplete } = written(ctx, deps, email);
  if (!isComplete) return { problems: await problems(), status: 400, values };
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
    const status = formStatus(error.code, 400);
    if (status !== 400) return { problems: [problem], status, retryAfter: error.details.retryAfter, values };
    const all = problem.field === null ? [] : await problems();
    return { problems: all.length > 0 ? all : [problem], status, values };
  }
}
