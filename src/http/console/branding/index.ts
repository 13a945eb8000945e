import { contrast, SURFACES } from '../../../core/colors.ts';
import { DomainError } from '../../../core/errors.ts';
import { type Language, LANGUAGES, languageInfo } from '../../../core/languages.ts';
import {
  type BrandingChanges,
  type LookChanges,
  LOGO_TYPES,
  TEXTS,
} from '../../../domain/operators/branding.ts';
import { brandStylesheet } from '../../pages/brand.ts';
import { Html } from '../../pages/templates.ts';
import type { ConsoleCall } from '../call.ts';
import { byInput } from '../inputs.ts';
import type { Room } from '../room.ts';

const TEXT = 'texts:';

const LABELS = {
  home_title: 'console.branding.homeTitle',
  sign_in_title: 'console.branding.signInTitle',
  create_account_title: 'console.branding.createAccountTitle',
  page_footer: 'console.branding.pageFooter',
  mail_footer: 'console.branding.mailFooter',
} as const satisfies Record<(typeof TEXTS)[number], string>;

/** The subject of a page or form: the branding of an app or (undefined) of everything, and the language of its texts. */
function aboutOf(call: ConsoleCall): { app: string | undefined; language: Language } {
  const read = (name: string) => call.field(name) || call.parameter(name);
  const app = read('app');
  const language = LANGUAGES.find((one) => one === read('language')) ?? LANGUAGES[0];
  return { app: app === '' ? undefined : app, language };
}

const addressOf = ({ app, language }: ReturnType<typeof aboutOf>): string =>
  `/admin/branding?${new URLSearchParams({ ...(app === undefined ? {} : { app }), language }).toString()}`;

/** Contrast of a colour with the page backgrounds of a theme (WCAG 2.2). */
const contrastOf = (color: string, theme: keyof typeof SURFACES): number =>
  Math.min(contrast(color, SURFACES[theme].page), contrast(color, SURFACES[theme].card));

async function showBranding(call: ConsoleCall): Promise<void> {
  const { branding, clients, publicUrl } = call.services;
  const about = aboutOf(call);
  const { app, language } = about;
  const [{ content, version }, versions] = await Promise.all([branding.show(), branding.history()]);
  const client = app === undefined ? null : await clients.find(call.operator, app);
  const own = (app === undefined ? content : content.apps?.[app]) ?? {};
  const inForce = branding.look(language, app);
  call.show('branding/edit', {
    ...about,
    appName: client?.name,
    apps: Object.keys(content.apps ?? {}),
    languages: LANGUAGES.map((value) => ({ value, label: { text: languageInfo[value].label } })),
    own,
    inForce,
    contrasts: { light: contrastOf(inForce.light, 'light'), dark: contrastOf(inForce.dark, 'dark') },
    texts: TEXTS.map((name) => ({
      name: `${TEXT}${name}`,
      label: LABELS[name],
      value: own.texts?.[language]?.[name] ?? '',
    })),
    logoTypes: LOGO_TYPES.join(','),
    version,
    versions,
    addressOf: (changes: Partial<typeof about>) => addressOf({ ...about, ...changes }),
    frames: [publicUrl],
  });
}

/** The uploaded or removed logo of a form. */
function logoOf(call: ConsoleCall, name: 'logo' | 'logo_dark'): LookChanges {
  if (call.field(`remove_${name}`) === 'yes') return { [name]: null };
  const logo = call.upload(name);
  return logo ? { [name]: logo } : {};
}

/** Reads the changes of a form: colours only if they differ from those in force. */
function changesOf(call: ConsoleCall): BrandingChanges {
  const { app, language } = aboutOf(call);
  const { light, dark } = call.services.branding.look(language, app);
  const chosen = { light: call.field('colors:light'), dark: call.field('colors:dark') };
  const texts = TEXTS.map((name) => [name, call.field(`${TEXT}${name}`) || null] as const);
  const colors =
    call.field('reset_colors') === 'yes'
      ? null
      : {
          ...(chosen.light !== '' && chosen.light !== light ? { light: chosen.light } : {}),
          ...(chosen.dark !== '' && chosen.dark !== dark ? { dark: chosen.dark } : {}),
        };
  const look: LookChanges = {
    name: call.field('name') || null,
    colors,
    texts: { [language]: Object.fromEntries(texts) },
    ...logoOf(call, 'logo'),
    ...logoOf(call, 'logo_dark'),
  };
  return app === undefined ? look : { apps: { [app]: look } };
}

const prefixOf = ({ app }: ReturnType<typeof aboutOf>): string => (app === undefined ? '' : `apps.${app}.`);

/** Previews the branding with the changes, as a page for a frame. */
async function preview(call: ConsoleCall, changes: BrandingChanges): Promise<void> {
  const about = aboutOf(call);
  const { app, language } = about;
  const { branding } = call.services;
  try {
    const look = await byInput(
      () => branding.preview(call.operator, changes, language, app),
      prefixOf(about),
    );
    call.frame('branding/preview', { look, style: new Html(brandStylesheet(look.light, look.dark)) });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'invalid_request') throw error;
    call.frame('problem', { field: error.details.field, reason: error.details.reason });
  }
}

/** Branding: the look and the texts of pages and mail. */
export function brandingRoutes({ page, form }: Room): void {
  const spec = { section: 'branding', permission: 'branding:write' } as const;

  page('/branding', spec, showBranding);
  page('/branding/preview', spec, (call) => preview(call, {}));
  form('/branding/preview', { ...spec, upload: true }, null, (call) => preview(call, changesOf(call)));
  form(
    '/branding',
    { ...spec, upload: true, trail: () => ({ type: ['branding.updated'] }) },
    showBranding,
    async (call) => {
      const about = aboutOf(call);
      const { version } = await byInput(
        () => call.services.branding.update(call.operator, changesOf(call), call.expected),
        prefixOf(about),
      );
      const isChanged = call.field('version') !== String(version);
      call.done(
        addressOf(about),
        isChanged ? 'console.branding.published' : 'console.branding.unchanged',
        isChanged ? { action: '/admin/branding/undo', fields: { version: String(version) } } : null,
      );
    },
  );
  form('/branding/undo', spec, null, async (call) => {
    const to = call.field('to');
    const { version } = await call.services.branding.undo(
      call.operator,
      call.expected,
      to === '' ? undefined : Number(to),
    );
    call.done('/admin/branding', 'console.branding.undone', {
      action: '/admin/branding/undo',
      fields: { version: String(version) },
    });
  });
}
