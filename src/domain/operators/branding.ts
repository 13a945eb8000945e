import type { Config } from '../../config/index.ts';
import { contrast, CONTROL_CONTRAST, SURFACES } from '../../core/colors.ts';
import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { type Language, LANGUAGES } from '../../core/languages.ts';
import { inTurn } from '../../core/in-turn.ts';
import type {
  BrandingContent,
  BrandingRecord,
  BrandingStore,
  Look,
  StoredImage,
} from '../../storage/branding.ts';
import type { Announce } from '../../storage/postgres/notifications.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import {
  changesOf,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';

export type { BrandingRecord, Look, StoredImage } from '../../storage/branding.ts';

/** The texts of pages and mail that can be customized. */
export const TEXTS = [
  'home_title',
  'sign_in_title',
  'create_account_title',
  'page_footer',
  'mail_footer',
] as const;
export type TextName = (typeof TEXTS)[number];

/** Changes of a look (RFC 7396): null removes, objects are merged. */
export interface LookChanges {
  name?: string | null | undefined;
  logo?: StoredImage | null | undefined;
  logo_dark?: StoredImage | null | undefined;
  colors?: { light?: string | null | undefined; dark?: string | null | undefined } | null | undefined;
  /** By language, then by name. */
  texts?: Record<string, Record<string, string | null> | null> | null | undefined;
}
export interface BrandingChanges extends LookChanges {
  apps?: Record<string, LookChanges | null> | null | undefined;
}

/** The look of pages and messages. */
export interface LookInForce {
  name: string;
  light: string;
  dark: string;
  logo: StoredImage | null;
  /** The logo on dark pages; null for the same one. */
  darkLogo: StoredImage | null;
  texts: Partial<Record<TextName, string>>;
}

export interface BrandingService {
  /** Reloads the look, in this process. */
  load(): Promise<void>;
  /** Goes up when the look changes. */
  readonly version: number;
  /** The client_ids of apps with their own look. */
  readonly apps: readonly string[];
  /** @param clientId the app that a page is shown for. */
  look(language: Language, clientId?: string): LookInForce;
  /** For any operator. */
  show(): Promise<BrandingRecord>;
  /**
   * Changes the look of pages and mail on all nodes at once. Texts are plain, without markup or links.
   * @throws DomainError insufficient_scope, precondition_failed, invalid_request; client_not_found for the look of an unknown
   *   app.
   */
  update(operator: Operator, changes: BrandingChanges, expected?: Expected): Promise<BrandingRecord>;
  /**
   * Restores the previous version, or another stored one, as a new version.
   * @throws DomainError insufficient_scope, precondition_failed, not_found.
   */
  undo(operator: Operator, expected?: Expected, version?: number): Promise<BrandingRecord>;
  /** The stored versions, newest first. For any operator. */
  history(): Promise<BrandingVersion[]>;
  /** The current look as audited: logos by type and hash. */
  showAsAudited(): Promise<{ now: object; version: number }>;
  /**
   * Restores parts of the look from their audited form; null removes a part. Skips apps that no longer exist.
   * @throws DomainError insufficient_scope, precondition_failed, invalid_request for a logo that is no longer stored.
   */
  restore(operator: Operator, parts: Record<string, unknown>, expected?: Expected): Promise<BrandingRecord>;
  /** The look after changes, without saving it. @throws DomainError as `update`. */
  preview(
    operator: Operator,
    changes: BrandingChanges,
    language: Language,
    clientId?: string,
  ): Promise<LookInForce>;
}

/** A version of the look and its changes. */
export interface BrandingVersion extends BrandingRecord {
  createdAt: Date;
  /** The parts that differ from the previous version: `name`, `colors` and so on. */
  changed: string[];
}

/** Maximum bytes of a logo. */
export const MAX_LOGO_BYTES = 32_768;
const MAX_LENGTHS = { name: 60, text: 200 };
const MAX_APPS = 50;
const MAX_VERSIONS = 50;

/** First bytes of accepted files. Not SVG, which can contain scripts and references. */
const MAGIC: Record<string, (bytes: Buffer) => boolean> = {
  'image/png': (bytes) => bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex')),
  'image/jpeg': (bytes) => bytes.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex')),
  'image/webp': (bytes) =>
    bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP',
};
export const LOGO_TYPES = Object.keys(MAGIC);

/** Markup, arguments of a sentence, control characters, and whatever a mail program turns into a link. */
const UNSAFE: readonly (readonly [RegExp, string])[] = [
  [/[<>{}]/u, 'has markup'],
  [/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, 'has control characters'],
  [/:\/\/|\bwww\.|mailto:|@|[\p{L}\p{N}]\.\p{L}{2,}/iu, 'looks like a link'],
];

function checkText(field: string, text: string, maxLength: number): string {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > maxLength) refuse(field, `must be 1 to ${maxLength} characters`);
  const [, why] = UNSAFE.find(([form]) => form.test(trimmed)) ?? [];
  if (why !== undefined) refuse(field, why);
  return trimmed;
}

function checkColor(field: string, color: string, theme: keyof typeof SURFACES): string {
  if (!/^#[0-9a-f]{6}$/i.test(color)) refuse(field, 'must be a colour like #2f5bea');
  const { page, card } = SURFACES[theme];
  const lowest = Math.min(contrast(color, page), contrast(color, card));
  if (lowest < CONTROL_CONTRAST)
    refuse(
      field,
      `has a contrast of ${lowest.toFixed(2)} with the ${theme} page; WCAG 2.2 AA needs ${CONTROL_CONTRAST}`,
    );
  return color.toLowerCase();
}

function checkLogo(field: string, { type, data }: StoredImage): StoredImage {
  const isImage = Object.hasOwn(MAGIC, type) ? MAGIC[type] : undefined;
  if (!isImage) refuse(`${field}.type`, `must be one of ${LOGO_TYPES.join(', ')}`);
  const bytes = Buffer.from(data, 'base64');
  if (bytes.toString('base64').replaceAll('=', '') !== data.replaceAll('=', '') || bytes.length === 0)
    refuse(`${field}.data`, 'must be base64');
  if (bytes.length > MAX_LOGO_BYTES) refuse(`${field}.data`, `must have at most ${MAX_LOGO_BYTES} bytes`);
  if (!isImage(bytes)) refuse(`${field}.data`, `is not ${type}`);
  return { type, data };
}

const compact = <T extends object>(value: T): T =>
  Object.fromEntries(
    Object.entries(value).filter(
      ([, one]) =>
        one !== null &&
        one !== undefined &&
        !(typeof one === 'object' && Object.keys(one as object).length === 0),
    ),
  ) as T;

const LOGOS = ['logo', 'logo_dark'] as const;

const mergeLogos = (before: Look, changes: LookChanges, at: string): Pick<Look, (typeof LOGOS)[number]> =>
  Object.fromEntries(
    LOGOS.flatMap((key) => {
      const changed = changes[key];
      const logo = changed ? checkLogo(`${at}${key}`, changed) : changed === null ? null : before[key];
      return logo ? [[key, logo]] : [];
    }),
  );

/** @param at the prefix of field names. */
function mergeLook(before: Look, changes: LookChanges, at: string): Look {
  const texts = changes.texts === null ? {} : { ...before.texts };
  for (const [language, named] of Object.entries(changes.texts ?? {})) {
    if (!LANGUAGES.includes(language as Language)) refuse(`${at}texts.${language}`, 'no such language');
    const unknown = Object.keys(named ?? {}).find((key) => !TEXTS.includes(key as TextName));
    if (unknown !== undefined) refuse(`${at}texts.${language}.${unknown}`, 'no such text');
    const merged: Record<string, string | null> = named === null ? {} : { ...texts[language], ...named };
    texts[language] = Object.fromEntries(
      Object.entries(merged).flatMap(([key, text]) =>
        text === null ? [] : [[key, checkText(`${at}texts.${language}.${key}`, text, MAX_LENGTHS.text)]],
      ),
    );
  }
  const colors = changes.colors === null ? {} : { ...before.colors, ...changes.colors };
  const { light, dark } = colors;
  const { name = before.name } = changes;
  return compact({
    ...(name && { name: checkText(`${at}name`, name, MAX_LENGTHS.name) }),
    ...mergeLogos(before, changes, at),
    colors: compact({
      ...(light && { light: checkColor(`${at}colors.light`, light, 'light') }),
      ...(dark && { dark: checkColor(`${at}colors.dark`, dark, 'dark') }),
    }),
    texts: compact(texts),
  });
}

/** A look in audited form. */
type AuditedLook = Omit<Look, (typeof LOGOS)[number]> &
  Partial<Record<(typeof LOGOS)[number], { type: string; sha256: string }>>;

const audited = ({ type, data }: StoredImage) => ({ type, sha256: sha256(data) });

const auditOf = ({ logo, logo_dark: dark, ...look }: Look): AuditedLook => ({
  ...look,
  ...(logo && { logo: audited(logo) }),
  ...(dark && { logo_dark: audited(dark) }),
});
const shown = ({ apps = {}, ...look }: BrandingContent): object => ({
  ...auditOf(look),
  apps: Object.fromEntries(Object.entries(apps).map(([id, app]) => [id, auditOf(app)])),
});

/** The content after `changes`. @throws DomainError invalid_request. */
function merged(
  { apps: former = {}, ...whole }: BrandingContent,
  { apps, ...changes }: BrandingChanges,
): BrandingContent {
  const looks: Record<string, Look> = apps === null ? {} : { ...former };
  for (const [id, app] of Object.entries(apps ?? {}))
    if (app === null) delete looks[id];
    else looks[id] = mergeLook(Object.hasOwn(former, id) ? former[id]! : {}, app, `apps.${id}.`);
  if (Object.keys(looks).length > MAX_APPS) refuse('apps', `must be at most ${MAX_APPS}`);
  return compact({ ...mergeLook(whole, changes, ''), apps: compact(looks) });
}

/** The look of a new installation: that of the configuration. */
const NEW: BrandingRecord = { version: 1, content: {} };

export function createBranding({
  config,
  store,
  clients,
  audit,
  inTransaction,
  announce,
}: Pick<Stores, 'clients' | 'audit' | 'inTransaction'> & {
  config: Pick<Config, 'name' | 'brand'>;
  store: BrandingStore;
  announce: Announce;
}): BrandingService {
  const base = { name: config.name, color: config.brand.color };
  let current = NEW;

  const latest = async (limit = 1, tx?: Tx) => {
    const kept = await store.latest(limit, tx);
    return { now: kept[0] ?? NEW, kept };
  };

  const lock = async (expected: Expected | undefined, tx: Tx) => {
    await store.lock(tx);
    const found = await latest(MAX_VERSIONS, tx);
    checkVersion(found.now, expected);
    return found;
  };

  const lookOf = (
    { apps = {}, ...whole }: BrandingContent,
    language: Language,
    clientId?: string,
  ): LookInForce => {
    const app = clientId !== undefined && Object.hasOwn(apps, clientId) ? apps[clientId]! : {};
    const light = app.colors?.light ?? whole.colors?.light ?? base.color;
    return {
      name: app.name ?? whole.name ?? base.name,
      light,
      dark: app.colors?.dark ?? whole.colors?.dark ?? light,
      logo: app.logo ?? whole.logo ?? null,
      // An app's own logo replaces both.
      darkLogo: app.logo_dark ?? (app.logo ? null : (whole.logo_dark ?? null)),
      texts: { ...whole.texts?.[language], ...app.texts?.[language] },
    };
  };

  const write = async (operator: Operator, before: BrandingRecord, content: BrandingContent, tx: Tx) => {
    const changed = changesOf<object>(shown(before.content), {
      ...emptied(before.content),
      ...shown(content),
    });
    if (!changed) return before;
    const record = { version: before.version + 1, content };
    await store.add(record, tx);
    await audit.record({ type: 'branding.updated', details: { ...changed } }, operator.actor, tx);
    await announce(tx);
    return record;
  };

  return {
    get version() {
      return current.version;
    },
    get apps() {
      return Object.keys(current.content.apps ?? {});
    },
    load: inTurn(async () => void (current = (await latest()).now)),
    look: (language, clientId) => lookOf(current.content, language, clientId),
    show: async () => (await latest()).now,
    async update(operator, changes, expected) {
      requirePermission(operator, 'branding:write');
      for (const [id, app] of Object.entries(changes.apps ?? {}))
        if (app !== null && !(await clients.find(id)))
          throw new DomainError('client_not_found', { field: `apps.${id}` });
      return inTransaction(async (tx) => {
        const { now } = await lock(expected, tx);
        return write(operator, now, merged(now.content, changes), tx);
      });
    },
    async undo(operator, expected, version) {
      requirePermission(operator, 'branding:write');
      return inTransaction(async (tx) => {
        const { now, kept } = await lock(expected, tx);
        const former = version === undefined ? kept[1] : kept.find((one) => one.version === version);
        if (!former) throw new DomainError('not_found');
        return write(operator, now, former.content, tx);
      });
    },
    async history() {
      const kept = await store.latest(MAX_VERSIONS);
      return kept.map((one, index) => {
        const before = kept[index + 1]?.content ?? {};
        const changed = changesOf<object>(shown(before), { ...emptied(before), ...shown(one.content) });
        return { ...one, changed: Object.keys(changed?.after ?? {}) };
      });
    },
    async showAsAudited() {
      const { now } = await latest();
      return { now: shown(now.content), version: now.version };
    },
    async restore(operator, parts, expected) {
      requirePermission(operator, 'branding:write');
      return inTransaction(async (tx) => {
        const { now, kept } = await lock(expected, tx);
        const logos = new Map(
          kept
            .flatMap(({ content }) => [content, ...Object.values(content.apps ?? {})])
            .flatMap((look) => LOGOS.map((key) => look[key]))
            .flatMap((logo) => (logo ? [[sha256(logo.data), logo]] : [])),
        );
        const revived = ({ logo, logo_dark: dark, ...look }: AuditedLook): Look => ({
          ...look,
          ...(logo && { logo: logos.get(logo.sha256) ?? refuse('logo', 'is no longer kept') }),
          ...(dark && { logo_dark: logos.get(dark.sha256) ?? refuse('logo_dark', 'is no longer kept') }),
        });
        const { apps: formerApps, ...former } = now.content;
        const { apps: wantedApps, ...wanted } = parts as AuditedLook & {
          apps?: Record<string, AuditedLook> | null;
        };
        const whole = { ...former, ...compact(revived(wanted)) };
        for (const [part, value] of Object.entries(wanted))
          if (value === null) delete whole[part as keyof Look];
        const apps: Record<string, Look> = {};
        for (const [id, look] of Object.entries(wantedApps ?? {}))
          if (await clients.find(id)) apps[id] = mergeLook({}, revived(look), `apps.${id}.`);
        const content = {
          ...mergeLook({}, whole, ''),
          apps: wantedApps === undefined ? (formerApps ?? {}) : compact(apps),
        };
        return write(operator, now, compact(content), tx);
      });
    },
    async preview(operator, changes, language, clientId) {
      requirePermission(operator, 'branding:write');
      return lookOf(merged((await latest()).now.content, changes), language, clientId);
    },
  };
}

/** All fields of a look as null: the state after removal. */
const emptied = (content: BrandingContent): object =>
  Object.fromEntries(Object.keys(shown(content)).map((key) => [key, null]));
