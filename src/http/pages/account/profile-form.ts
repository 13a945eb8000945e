import { timeZones } from '../../../domain/users/claims.ts';
import { PROFILE_FIELDS, type ProfileText, type TextKindName } from '../../../domain/users/profile-fields.ts';
import type { Attribute } from '../../../domain/attributes/index.ts';
import type { User } from '../../../domain/users/index.ts';
import { type Language, languageInfo } from '../../../core/languages.ts';
import { attributeControl } from '../attributes.ts';
import type { MessageKey } from '../i18n.ts';
import { PROFILE_LAYOUT, type ProfileControl, type ProfileInput } from '../profile-layout.ts';

export interface ProfileSection {
  legend: MessageKey;
  rows: readonly (readonly ProfileControl[])[];
}

type Settings = Omit<ProfileControl, 'name' | 'optional'>;

const byKind = (languages: readonly Language[]): Readonly<Record<TextKindName, Settings>> => ({
  name: { maxlength: 200, autocapitalize: 'words' },
  line: { maxlength: 60 },
  url: {
    type: 'url',
    maxlength: 2048,
    inputmode: 'url',
    autocapitalize: 'none',
    spellcheck: 'false',
    placeholder: 'https://',
  },
  birthdate: { maxlength: 10, hint: 'field.birthdateHint' },
  timeZone: { none: 'field.zoneNone', choices: timeZones().map((zone) => ({ value: zone, label: zone })) },
  language: {
    none: 'field.localeNone',
    choices: languages.map((language) => {
      const { tag, label } = languageInfo[language];
      return { value: tag, label, lang: tag };
    }),
  },
  phoneNumber: { type: 'tel', maxlength: 40, hint: 'field.phoneHint' },
});

const APART: Readonly<Record<Exclude<ProfileInput, ProfileText>, Settings>> = {
  username: {
    maxlength: 200,
    hint: 'field.usernameHint',
    autocomplete: 'username',
    autocapitalize: 'none',
    autocorrect: 'off',
    spellcheck: 'false',
  },
  street_address: { lines: 2, maxlength: 600, autocomplete: 'street-address' },
  postal_code: { maxlength: 200, autocomplete: 'postal-code' },
  locality: { maxlength: 200, autocomplete: 'address-level2' },
  region: { maxlength: 200, autocomplete: 'address-level1' },
  country: { maxlength: 200, autocomplete: 'country-name' },
};

/**
 * The sections of the profile's form with their controls.
 * @param languages of the pages. @param username of the account; once set it cannot be removed.
 * @param attributes those visible to the person, in `language`. @param misfits names of those whose value no longer fits.
 */
export function profileSections(
  languages: readonly Language[],
  { username }: Pick<User, 'username'>,
  attributes: readonly Attribute[],
  misfits: ReadonlySet<string>,
  language: Language,
): ProfileSection[] {
  const kinds = byKind(languages);
  const settings = new Map<string, Settings>([
    ...Object.entries(APART),
    ...PROFILE_FIELDS.map(({ name, kind, autocomplete }): [string, Settings] => [
      name,
      { ...kinds[kind], ...(autocomplete === undefined ? {} : { autocomplete }) },
    ]),
  ]);
  const control = (name: ProfileInput): ProfileControl => ({
    name,
    optional: name !== 'username' || !username,
    ...settings.get(name),
  });
  const sections = PROFILE_LAYOUT.map(({ legend, rows }): ProfileSection => ({
    legend,
    rows: rows.map((row) => row.map(control)),
  }));
  const more = attributes.map((one) => [attributeControl(one, language, misfits.has(one.name))]);
  return more.length > 0 ? [...sections, { legend: 'profile.more', rows: more }] : sections;
}
