import type Router from '@koa/router';
import { isDomainError } from '../../../kernel/errors.ts';
import { passwordLength, type PageParts } from '../dependencies.ts';
import { field } from '../form.ts';
import { languageInfo } from '../i18n.ts';
import { problemOf } from '../problems.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/profile';

export function profileRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, flash, accounts, config } = deps;

  router.get(PATH, ...open, (ctx: AccountContext) => {
    const { name, givenName, familyName, username, locale } = ctx.state.user;
    const { values } = flash.read(ctx);
    renderer.render(ctx, 'account/profile', {
      ...accountFrame(ctx, deps, 'profile'),
      action: PATH,
      values: { name, givenName, familyName, username, locale, ...values },
      languages: config.languages.map((language) => languageInfo[language]),
    });
  });

  router.post(PATH, ...posted, async (ctx: AccountContext) => {
    const names = ['name', 'givenName', 'familyName', 'username', 'locale'];
    const values = Object.fromEntries(names.map((name) => [name, field(ctx, name).trim()]));
    const changes = Object.fromEntries(names.map((name) => [name, values[name] || null]));
    try {
      await accounts.update(ctx.state.user.id, changes, ownerActor(ctx));
    } catch (error) {
      const problem = isDomainError(error) && problemOf(error, passwordLength(config));
      if (!problem) throw error;
      return flash.leave(ctx, PATH, { status: 400, problems: [problem], values });
    }
    return doneAt(ctx, PATH, 'profile');
  });
}
