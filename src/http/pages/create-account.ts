import type { Context } from 'koa';
import type { RegistrationLink } from '../../domain/registration.ts';
import type { User } from '../../domain/users/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import { isDomainError } from '../../core/errors.ts';
import type { AttributeValues } from '../../domain/attributes/index.ts';
import { anonymousActor } from '../actor.ts';
import { attributeControl, labelsOf, postedAttributes } from './attributes.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import type { Message } from './i18n.ts';
import { formStatus, missing, problemOf, problemsOf, type Problem } from './problems.ts';
import { ACR_ONE_FACTOR, type Outcome, type Refusal } from './sign-in.ts';
import type { Frame } from './views.ts';

/** Typed values; attributes by their control's name. */
export type Values = { name: string; username: string; email: string } & Record<string, string>;
export type CreateAttempt = Outcome | (Refusal & { values: Values });

type Entered = Pick<Values, 'name' | 'username' | 'email'> & {
  password: string;
  attributes: AttributeValues;
};
type Make = (entered: Entered) => Promise<User>;

/** The attributes that every new account must have. */
const asked = ({ attributes }: PageParts) => attributes.list('person').filter(({ isRequired }) => isRequired);

/** Their form controls, with labels. */
export function askedControls(ctx: Context, deps: PageParts, frame: Frame) {
  const language = deps.renderer.language(ctx, frame);
  const more = asked(deps).map((attribute) => attributeControl(attribute, language));
  return { more, labels: labelsOf(more) };
}

const attributeInput = (values: AttributeValues) => ({ by: 'person' as const, values, isWhole: true });

/**
 * Handles a posted create-account form and signs the new account in. @param frame the page's frame; its language
 * becomes the account's.
 */
export const tryCreateAccount = (ctx: Context, deps: PageParts, frame: Frame): Promise<CreateAttempt> =>
  attempt(ctx, deps, field(ctx, 'email').trim(), ({ name, attributes, ...entered }) => {
    const locale = deps.renderer.language(ctx, frame);
    const account = { ...entered, name: name || null, locale, attributes: attributeInput(attributes) };
    return deps.accounts.register(account, anonymousActor(ctx, 'pages'));
  });

/** The same, for an address that a link has verified. */
export const completeAccount = (
  ctx: Context,
  deps: PageParts,
  token: string,
  link: RegistrationLink,
): Promise<CreateAttempt> =>
  attempt(ctx, deps, link.email, ({ name, username, password, attributes }) => {
    const locale = deps.renderer.language(ctx, { uiLocales: link.locale ?? undefined });
    const account = {
      username,
      password,
      name: name || null,
      locale,
      attributes: attributeInput(attributes),
    };
    return deps.registration.complete(token, account, anonymousActor(ctx, 'pages'));
  });

/** Whether a script only validates the form before submitting it, so that the password stays in the page. */
export const isCheck = (ctx: Context): boolean => ctx.get('Postern-Check') !== '';

/** Answers such a validation request and does nothing else. @param page the page of the form. */
export async function answerCheck(ctx: Context, deps: PageParts, email: string, page: string): Promise<void> {
  const { values, problems: find } = written(ctx, deps, email);
  const problems = await find();
  // If both name and address are taken, the account may be their own, from a form whose reply was lost.
  const isOwn = problems.every(({ message }) => TAKEN.has(message));
  if (problems.length === 0 || (isOwn && problems.length === TAKEN.size)) {
    ctx.status = 204;
    return;
  }
  deps.flash.leave(ctx, page, { status: 400, problems, values });
}

const TAKEN = new Set<Message>(['problem.usernameTaken', 'problem.emailTaken']);

/** Parses a posted form. Returns its values and every mistake. */
function written(ctx: Context, deps: PageParts, email: string) {
  const { accounts, config } = deps;
  const { texts, values: attributes } = postedAttributes(ctx, asked(deps), {});
  const named = { name: field(ctx, 'name').trim(), username: field(ctx, 'username').trim(), email };
  const values: Values = { ...texts, ...named };
  const password = field(ctx, 'password');
  const entered = { ...named, password };
  const empty = (['username', 'email', 'password'] as const).filter((name) => entered[name] === '');
  return {
    values,
    entered: { ...entered, attributes },
    async problems(): Promise<Problem[]> {
      const problems = empty.map(missing);
      if (!config.registration.open) return problems;
      const filled = Object.fromEntries(Object.entries(entered).filter(([, value]) => value !== ''));
      const found = await accounts.mistakesIn({ ...filled, attributes: attributeInput(attributes) });
      return [...problems, ...problemsOf(found, passwordLength(config))];
    },
    isComplete: empty.length === 0,
  };
}

async function attempt(ctx: Context, deps: PageParts, email: string, make: Make): Promise<CreateAttempt> {
  const { config, clock, mfa } = deps;
  const { values, entered, problems, isComplete } = written(ctx, deps, email);
  if (!isComplete) return { problems: await problems(), status: 400, values };
  try {
    const user = await make(entered);
    const { id: accountId, securityVersion } = user;
    const authTime = epochSeconds(clock);
    return {
      signedIn: { accountId, securityVersion, amr: ['pwd'], acr: ACR_ONE_FACTOR, authTime, remember: false },
      enrol: mfa.isRequired(user),
      renew: false,
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
