import type { PersonClaim } from '../../core/claims.ts';
import type { TextForm } from '../../core/text.ts';
import { LOCALE_FORM, NAME_FORM, parseLocale, parseName } from '../identifiers.ts';
import * as claims from './claims.ts';

/** Kind of value. API and pages choose message and form control by it. */
interface TextKind {
  /** The form as JSON Schema keywords, and in words. */
  form: TextForm;
  description: string;
  /** How replies describe it, when that is not obvious. */
  replyDescription?: string;
  /**
   * @param now milliseconds since the epoch.
   * @returns the text in stored form.
   * @throws DomainError invalid_request with `field`.
   */
  parse(field: string, typed: string, now: number): string;
}

const TEXT_KINDS = {
  name: {
    form: NAME_FORM,
    description: '1 to 200 characters',
    parse: (field, typed) => parseName(field, typed),
  },
  line: {
    form: claims.SHORT_LINE_FORM,
    description: '1 to 60 characters',
    parse: claims.parseShortLine,
  },
  url: {
    form: claims.URL_FORM,
    description: 'An https URL',
    parse: claims.parseUrl,
  },
  birthdate: {
    form: claims.BIRTHDATE_FORM,
    description: 'YYYY-MM-DD; the year may be 0000, or be all there is',
    replyDescription: 'YYYY-MM-DD; the year may be 0000, or be all there is',
    parse: claims.parseBirthdate,
  },
  timeZone: {
    form: claims.ZONEINFO_FORM,
    description: 'A name from the time zone database, such as Europe/Berlin',
    replyDescription: 'A name from the time zone database',
    parse: claims.parseZoneinfo,
  },
  language: {
    form: LOCALE_FORM,
    description: 'A language tag (BCP 47)',
    replyDescription: 'BCP 47',
    parse: parseLocale,
  },
  phoneNumber: {
    form: claims.PHONE_NUMBER_FORM,
    description: 'With the country code, such as +49 30 123456 (E.164)',
    replyDescription: 'E.164',
    parse: claims.parsePhoneNumber,
  },
} as const satisfies Record<string, TextKind>;

export type TextKindName = keyof typeof TEXT_KINDS;

/** A text of the profile that the account's owner may set. */
interface Named {
  /** The attribute of the account, the input of the page's form, the option of the CLI. */
  name: string;
  /** The claim (OpenID Connect Core section 5.1), and the member at /api/v2/me. */
  claim: PersonClaim;
  /** The scope that requests the claim (section 5.4). */
  scope: 'profile' | 'phone';
  kind: TextKindName;
  /** The autofill field of its form control (HTML Living Standard section 4.10.18.7). */
  autocomplete?: string;
}

/**
 * The texts of a profile, in the order of replies. The checks, claims and discovery, /api/v2/me with its document, the page's
 * form, the CLI's options and the data export follow from this list. Owners may change all of them. What needs more than a
 * parser (email address, username, postal address) or is not the owner's to change (roles) is in profile.ts.
 */
const DEFINITIONS = [
  { name: 'name', claim: 'name', scope: 'profile', kind: 'name', autocomplete: 'name' },
  { name: 'givenName', claim: 'given_name', scope: 'profile', kind: 'name', autocomplete: 'given-name' },
  {
    name: 'middleName',
    claim: 'middle_name',
    scope: 'profile',
    kind: 'name',
    autocomplete: 'additional-name',
  },
  { name: 'familyName', claim: 'family_name', scope: 'profile', kind: 'name', autocomplete: 'family-name' },
  { name: 'nickname', claim: 'nickname', scope: 'profile', kind: 'name', autocomplete: 'nickname' },
  {
    name: 'profile',
    claim: 'profile',
    scope: 'profile',
    kind: 'url',
    autocomplete: 'off',
    description: 'The https URL of a page about the person',
    replyDescription: 'The URL of a page about the person',
  },
  {
    name: 'picture',
    claim: 'picture',
    scope: 'profile',
    kind: 'url',
    autocomplete: 'off',
    description: 'The https URL of a picture of the person',
  },
  { name: 'website', claim: 'website', scope: 'profile', kind: 'url', autocomplete: 'url' },
  {
    name: 'gender',
    claim: 'gender',
    scope: 'profile',
    kind: 'line',
    autocomplete: 'sex',
    form: { ...claims.SHORT_LINE_FORM, examples: ['non-binary'] },
  },
  { name: 'birthdate', claim: 'birthdate', scope: 'profile', kind: 'birthdate', autocomplete: 'bday' },
  { name: 'zoneinfo', claim: 'zoneinfo', scope: 'profile', kind: 'timeZone' },
  { name: 'locale', claim: 'locale', scope: 'profile', kind: 'language', autocomplete: 'language' },
  { name: 'phoneNumber', claim: 'phone_number', scope: 'phone', kind: 'phoneNumber', autocomplete: 'tel' },
] as const satisfies readonly (Named & Partial<TextKind>)[];

/** The names of the texts as attributes of the account. */
export type ProfileText = (typeof DEFINITIONS)[number]['name'];
type ProfileClaim = (typeof DEFINITIONS)[number]['claim'];

export type ProfileField = Named & TextKind & { name: ProfileText; claim: ProfileClaim };

/** The fields, completed with the defaults of their kind. */
export const PROFILE_FIELDS: readonly ProfileField[] = DEFINITIONS.map((definition) => ({
  ...TEXT_KINDS[definition.kind],
  ...definition,
}));

/** An object with a member for each claim of the profile. */
export const eachClaim = <T>(valueOf: (field: ProfileField) => T): Record<ProfileClaim, T> =>
  Object.fromEntries(PROFILE_FIELDS.map((field) => [field.claim, valueOf(field)])) as Record<ProfileClaim, T>;

/** The claims of the profile, null where the account has no value. */
export const profileClaims = (user: Readonly<Record<ProfileText, string | null>>) =>
  eachClaim(({ name }) => user[name]);

/** The claims that a scope requests. */
export const claimsOfScope = (scope: ProfileField['scope']): string[] =>
  PROFILE_FIELDS.filter((field) => field.scope === scope).map(({ claim }) => claim);

/** Changed claims under the names of the attributes. */
export const changesFromClaims = (claimed: { [Claim in ProfileClaim]?: string | null | undefined }) =>
  Object.fromEntries(PROFILE_FIELDS.map(({ name, claim }) => [name, claimed[claim]])) as {
    [Name in ProfileText]?: string | null | undefined;
  };
