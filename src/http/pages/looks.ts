import type { Config } from '../../config/index.ts';
import { sha256 } from '../../core/ids.ts';
import type { Language } from '../../core/languages.ts';
import type { BrandingService, LookInForce, StoredImage, TextName } from '../../domain/operators/branding.ts';
import type { Assets } from './assets.ts';
import { brandFavicon, brandStylesheet } from './brand.ts';
import { createTranslator, type MessageKey, type Translator } from './i18n.ts';

/** Looks that can change while the server runs. */
export type LookSource = Pick<BrandingService, 'look' | 'apps' | 'version'>;

/** The look of one app's pages in one language. */
export interface PageLook {
  name: string;
  translator: Translator;
  /** URLs of its files; null without a logo. */
  css: string;
  favicon: string;
  logo: string | null;
  /** The logo on dark pages; null for the same one. */
  darkLogo: string | null;
  /** The footer of every page. */
  footer: string | undefined;
}

export interface Looks {
  of(language: Language, clientId?: string): PageLook;
  /** Publishes the files of a changed look before they are requested. */
  refresh(): void;
}

/** The sentences that each text replaces. */
const SENTENCES: Partial<Record<TextName, readonly MessageKey[]>> = {
  home_title: ['home.title'],
  sign_in_title: ['signIn.title', 'signIn.titleHere'],
  create_account_title: ['createAccount.title', 'createAccount.titleHere'],
};

const EXTENSIONS: Record<string, string> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };

/** Maximum looks in the cache. More are just rendered again. */
const MAX_CACHED = 500;

/** The configured look, which does not change. */
export const fixedLook = ({ name, brand }: Pick<Config, 'name' | 'brand'>): LookSource => ({
  version: 1,
  apps: [],
  look: () => ({ name, light: brand.color, dark: brand.color, logo: null, darkLogo: null, texts: {} }),
});

export function createLooks({
  branding,
  assets,
  favicon,
  languages,
  logo: ownLogo,
  color,
}: {
  branding: LookSource;
  assets: Assets;
  /** The source of the favicon. */
  favicon: string;
  languages: readonly Language[];
  /** The configured logo and colour. */
  logo: string | null;
  color: string;
}): Looks {
  let kept = new Map<string, PageLook>();
  let version = 0;

  /** File names contain the hash of their content, so that every node knows the files of its look. */
  const put = (kind: string, extension: string, content: Buffer): string =>
    assets.put(`${kind}-${sha256(content.toString('base64')).slice(0, 16)}.${extension}`, content);

  const stylesheet = ({ light, dark }: Pick<LookInForce, 'light' | 'dark'>) =>
    light === color && dark === color
      ? undefined
      : put('brand', 'css', Buffer.from(brandStylesheet(light, dark)));
  const image = ({ type, data }: StoredImage): string =>
    put('logo', EXTENSIONS[type] ?? 'png', Buffer.from(data, 'base64'));

  const filesOf = ({ logo, darkLogo, ...look }: LookInForce) => ({
    css: stylesheet(look) ?? assets.url('brand.css') ?? '',
    favicon:
      look.light === color
        ? (assets.url('favicon.svg') ?? '')
        : put('favicon', 'svg', Buffer.from(brandFavicon(favicon, look.light))),
    logo: logo ? image(logo) : ownLogo,
    darkLogo: darkLogo && image(darkLogo),
  });

  function make(language: Language, clientId?: string): PageLook {
    const look = branding.look(language, clientId);
    const { texts } = look;
    const sentences = Object.entries(SENTENCES).flatMap(([text, keys]) => {
      const override = texts[text as TextName];
      // An apostrophe starts a quotation in ICU messages.
      return override === undefined ? [] : keys.map((key) => [key, override.replaceAll("'", "''")]);
    });
    return {
      name: look.name,
      translator: createTranslator(language, look.name, Object.fromEntries(sentences)),
      footer: texts.page_footer,
      ...filesOf(look),
    };
  }

  const looks: Looks = {
    of(language, clientId) {
      looks.refresh();
      const key = `${language} ${clientId !== undefined && branding.apps.includes(clientId) ? clientId : ''}`;
      const known = kept.get(key);
      if (known) return known;
      if (kept.size >= MAX_CACHED) kept = new Map();
      const made = make(language, clientId);
      kept.set(key, made);
      return made;
    },
    refresh() {
      if (version === branding.version) return;
      ({ version } = branding);
      kept = new Map();
      const [language = 'en'] = languages;
      for (const clientId of [undefined, ...branding.apps]) filesOf(branding.look(language, clientId));
    },
  };
  return looks;
}
