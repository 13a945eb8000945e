import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Middleware } from 'koa';
import { LRUCache } from 'lru-cache';
import { passkeysWorkAt } from '../../domain/mfa/passkeys/replies.ts';
import type { Config } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import type { Attribute } from '../../domain/attributes/index.ts';
import { type Assets, loadAssets } from './assets.ts';
import { brandFavicon, brandStylesheet } from './brand.ts';
import { type Language, languageInfo } from '../../core/languages.ts';
import { oneLine } from '../../core/text.ts';
import { type ClientMetadata, displayClient, monogram } from './client-display.ts';
import { CSRF_FIELD } from './csrf.ts';
import { createTemplates, type Html, type Icon, strong } from './templates.ts';
import { chooseLanguage, type Message } from './i18n.ts';
import { createLooks, fixedLook, type LookSource } from './looks.ts';
import { errorWords, fieldLabels, inFormOrder } from './problems.ts';
import { type ApiAccess, describeScopes } from './scopes.ts';
import { setPageHeaders } from './security-headers.ts';
import type { Frame, ViewData, Viewing, ViewName } from './views.ts';

const VIEWS = path.resolve(import.meta.dirname, '../../../views');
const YEAR = 365 * 86_400_000;

export interface Renderer {
  /**
   * Answers with a page, in the person's language, with every security header. The status is the caller's (200 by default).
   * Reads and stores `?lang=`.
   */
  render<V extends ViewName>(ctx: Context, view: V, data: ViewData<V>): void;
  /** The language that a page would have. */
  language(ctx: Context, frame: Frame): Language;
  /** The URL of a file in views/assets; undefined for an unknown name. */
  asset(name: string): string | undefined;
  /** The URL of the brand's own logo, if it has one. */
  logo: string | null;
  /** The brand's colour, like `#2f5bea`. */
  color: string;
  /** Serves /assets/*. */
  assets: Middleware;
}

type Brand = { logo: string | null; external: boolean };

function brandLogo(logo: string | null, assets: Assets): Brand {
  if (logo === null) return { logo: null, external: false };
  if (logo.startsWith('https://') && URL.canParse(logo)) return { logo: new URL(logo).href, external: true };
  const url = assets.url(logo);
  if (!url)
    throw new StartupError(`brand.logo: ${logo} is neither an https:// URL nor an image in views/assets`);
  return { logo: url, external: false };
}

/**
 * Creates the renderer of the hosted pages. Reads the assets of the templates.
 * @throws StartupError when `brand.logo` is not an image that can be shown.
 */
export function createRenderer({
  settings,
  publicUrl,
  production,
  branding = fixedLook(settings),
  attributes = () => [],
}: {
  settings: Pick<Config, 'name' | 'brand' | 'languages'>;
  publicUrl: string;
  production: boolean;
  /** Changeable looks; without them, only the configured one. */
  branding?: LookSource;
  /** The attributes of accounts beyond the profile. */
  attributes?: () => readonly Attribute[];
}): Renderer {
  const secure = publicUrl.startsWith('https:');
  const passkeys = passkeysWorkAt(publicUrl);
  const { languages } = settings;
  const { color } = settings.brand;
  const favicon = readFileSync(path.join(VIEWS, 'assets/favicon.svg'), 'utf8');
  const assets = loadAssets(path.join(VIEWS, 'assets'), {
    'brand.css': brandStylesheet(color),
    'favicon.svg': brandFavicon(favicon, color),
  });
  const brand = brandLogo(settings.brand.logo, assets);
  const looks = createLooks({ branding, assets, favicon, languages, logo: brand.logo, color });
  const template = createTemplates(VIEWS, [
    't',
    'rich',
    'when',
    'day',
    'strong',
    'icon',
    'partial',
    'page',
    'data',
    'help',
    'num',
    'say',
    'args',
  ]);

  /** Icons are the same on every page. */
  const icons = new LRUCache<Icon, Html>({
    max: 100,
    memoMethod: (icon) => template('partials/icon')({ args: { icon } }),
  });

  function asset(file: string): string {
    const url = assets.url(file);
    if (!url) throw new Error(`no asset ${file}`);
    return url;
  }

  function languageOf(ctx: Context, frame: Frame): Language {
    const asked =
      frame.uiLocales ?? (typeof ctx.query['ui_locales'] === 'string' ? ctx.query['ui_locales'] : undefined);
    return chooseLanguage(ctx, languages, asked, (chosen) => {
      ctx.cookies.secure = secure;
      ctx.cookies.set('lang', chosen, {
        signed: false,
        httpOnly: true,
        sameSite: 'lax',
        secure,
        maxAge: YEAR,
      });
    });
  }

  /** The links of the language switcher: the current page with `?lang=`. */
  function languageLinks(ctx: Context, current: Language) {
    // A form's action can also be opened as a page, with the token of its link.
    const isPage = ctx.method === 'GET' || ctx.method === 'HEAD' || ctx.query['token'] !== undefined;
    const query = isPage ? ctx.querystring : '';
    return languages.map((language) => {
      const parameters = new URLSearchParams(query);
      parameters.set('lang', language);
      return { ...languageInfo[language], current: language === current, href: `?${parameters.toString()}` };
    });
  }

  return {
    async assets(ctx, next) {
      looks.refresh();
      await assets.serve(ctx, next);
    },
    language: languageOf,
    asset: (name) => assets.url(name),
    get logo() {
      return looks.of(languages[0] ?? 'en').logo;
    },

    get color() {
      return branding.look(languages[0] ?? 'en').light;
    },

    render(ctx, view, data) {
      const look = looks.of(languageOf(ctx, data), data.client?.clientId);
      const { translator } = look;
      const { language, t, rich, when, day } = translator;
      const client = data.client && displayClient(data.client, production);
      const page = {
        ...languageInfo[language],
        name: look.name,
        footer: look.footer,
        title: '',
        scripts: [],
        failed: false,
        viewing: ctx.state['viewing'] as Viewing | undefined,
        client,
        logo: look.logo,
        darkLogo: look.darkLogo,
        passkeys,
        asset: (file: string) =>
          file === 'brand.css' ? look.css : file === 'favicon.svg' ? look.favicon : asset(file),
        languages: languageLinks(ctx, language),
      };
      const partial = (file: string, args: Record<string, unknown> = {}): Html =>
        template(`partials/${file}`)({ ...shared, args });
      const shared = {
        t,
        rich,
        when,
        day,
        strong,
        icon: (icon: Icon): Html => icons.memo(icon),
        partial,
        page,
        data,
        num: (value: number) => value.toLocaleString(page.tag),
        /** A message key, or literal text: `{ text }`. */
        say: (message: Message | { text: string }) =>
          typeof message === 'object' && 'text' in message ? message.text : t(message),
        help: {
          displayClient: (client: ClientMetadata) => displayClient(client, production),
          describeScopes: (scopes: readonly string[], apis: readonly ApiAccess[], email: string) =>
            describeScopes(scopes, apis, email, attributes(), language),
          errorWords,
          fieldLabels,
          inFormOrder,
          monogram,
          oneLine,
          CSRF_FIELD,
        },
      };
      const body = template(view)({ ...shared, args: {} });
      const images = [client?.logo, brand.external ? look.logo : null, ...(data.images ?? [])].filter(
        (url) => typeof url === 'string',
      );
      setPageHeaders(ctx, { images, leadsToClient: data.leadsToClient ?? false, frames: data.frames ?? [] });
      // Isolating a page from its opener breaks a login in a popup. Don't isolate pages on the way to or from a client.
      ctx.set('Cross-Origin-Opener-Policy', client ? 'unsafe-none' : 'same-origin');
      ctx.set('Content-Language', page.tag);
      ctx.type = 'html';
      ctx.body = partial(data.layout ?? 'layout', { body }).toString();
    },
  };
}
