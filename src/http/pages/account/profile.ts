import type Router from '@koa/router';
import type { User } from '../../../domain/users/index.ts';
import { PROFILE_FIELDS } from '../../../domain/users/profile-fields.ts';
import { passwordLength, type PageParts } from '../dependencies.ts';
import { attributeTexts, labelsOf, postedAttributes } from '../attributes.ts';
import { field } from '../form.ts';
import { problemsOf } from '../problems.ts';
import { ADDRESS_ROWS } from '../profile-layout.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';
import { profileSections } from './profile-form.ts';

const PATH = '/account/profile';

const TEXTS = ['username', ...PROFILE_FIELDS.map(({ name }) => name)] as const;
const PARTS = ADDRESS_ROWS.flat();

/** Form values of an account; empty where a value is missing. */
const valuesOf = (user: User): Record<string, string> =>
  Object.fromEntries([
    ...TEXTS.map((name) => [name, user[name] ?? '']),
    ...PARTS.map((part) => [part, user.address?.[part] ?? '']),
  ]);

export function profileRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, flash, accounts, config, attributes } = deps;

  router.get(PATH, ...open, (ctx: AccountContext) => {
    const { user } = ctx.state;
    const frame = accountFrame(ctx, deps, 'profile');
    const editable = attributes.list('person');
    const misfits = new Set(Object.keys(attributes.shown(user.attributes, 'person').invalid_attributes));
    const language = renderer.language(ctx, {});
    const sections = profileSections(config.languages, user, editable, misfits, language);
    renderer.render(ctx, 'account/profile', {
      ...frame,
      action: PATH,
      values: { ...valuesOf(user), ...attributeTexts(editable, user.attributes), ...flash.read(ctx).values },
      sections,
      labels: labelsOf(sections.flatMap(({ rows }) => rows.flat())),
    });
  });

  router.post(PATH, ...posted, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    const before = valuesOf(user);
    const sent = (ctx.request.body ?? {}) as object;
    const values: Record<string, string> = {
      ...before,
      ...Object.fromEntries(
        Object.keys(before)
          .filter((name) => Object.hasOwn(sent, name))
          .map((name) => [name, field(ctx, name).replaceAll('\r\n', '\n').trim()]),
      ),
    };
    const changed = TEXTS.filter((name) => values[name] !== before[name]);
    const hasMoved = PARTS.some((part) => values[part] !== before[part]);
    const written = postedAttributes(ctx, attributes.list('person'), user.attributes);
    Object.assign(values, written.texts);
    const changes = {
      attributes: { by: 'person' as const, values: written.values },
      ...Object.fromEntries(changed.map((name) => [name, values[name] || null])),
      ...(hasMoved ? { address: Object.fromEntries(PARTS.map((part) => [part, values[part]])) } : {}),
    };
    const bounds = passwordLength(config);
    const problems = problemsOf(await accounts.mistakesIn(changes, user), bounds);
    if (problems.length > 0) return flash.leave(ctx, PATH, { status: 400, problems, values });
    const refusal = await attempt(() => accounts.update(user.id, changes, ownerActor(ctx)), bounds, 400);
    if ('problems' in refusal) return flash.leave(ctx, PATH, { ...refusal, values });
    return doneAt(ctx, PATH, 'profile');
  });
}
