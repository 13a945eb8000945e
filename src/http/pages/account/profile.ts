import type Router from '@koa/router';
import { isDomainError } from '../../../kernel/errors.ts';
import { passwordLength, type PageParts } from '../dependencies.ts';
import { field } from '../form.ts';
import { languageInfo } from '../i18n.ts';
import { problemOf, type Problem } from '../problems.ts';
import { refused } from '../replies.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/profile';

export function profileRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accounts, config } = deps;

  const show = (ctx: AccountContext, values: Record<string, string | null>, problems: Problem[]): void =>
    renderer.render(ctx, 'account/profile', {
      ...accountFrame(ctx, deps, 'profile'),
      action: PATH,
      problems,
      values,
      languages: config.languages.map((language) => languageInfo[language]),
    });

  router.get(PATH, ...open, (ctx: AccountContext) => {
    const { name, givenName, familyName, username, locale } = ctx.state.user;
    show(ctx, { name, givenName, familyName, username, locale }, []);
  });

  router.post(PATH, ...posted, async (ctx: AccountContext) => {
    const names = ['name', 'givenName', 'familyName', 'username', 'locale'];
    const values = Object.fromEntries(names.map((name) => [name, field(ctx, name).trim() || null]));
    try {
      await accounts.update(ctx.state.user.id, values, ownerActor(ctx));
    } catch (error) {
      const problem = isDomainError(error) && problemOf(error, passwordLength(config));
      if (!problem) throw error;
      refused(ctx, { status: 400 });
      return show(ctx, values, [problem]);
    }
    return doneAt(ctx, PATH, 'profile');
  });
}
