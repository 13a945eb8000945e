import type { AddressParts } from '../../domain/users/claims.ts';
import { PROFILE_FIELDS, type ProfileText } from '../../domain/users/profile-fields.ts';
import type { AttributeInput } from './attribute-inputs.ts';
import type { Message, MessageKey } from './i18n.ts';

/** A part of a postal address (OpenID Connect Core section 5.1.1). */
export type AddressPart = keyof AddressParts;

/** An input of the profile's form. */
export type ProfileInput = ProfileText | 'username' | AddressPart;

/** The form control of one input: `field.ejs`, or `select.ejs` with choices. Other members are HTML attributes. */
export interface ProfileControl {
  name: ProfileInput | AttributeInput;
  /** For attributes; other inputs have their labels by name. */
  label?: Message;
  optional: boolean;
  hint?: Message;
  /** Rows of a text area. */
  lines?: number;
  choices?: readonly Choice[];
  /** The label of the empty choice. */
  none?: MessageKey;
  [attribute: string]: unknown;
}

interface Choice {
  value: string;
  label: string;
  /** Shown instead of the label. */
  message?: Message;
  /** The language of the label. */
  lang?: string;
}

interface Section {
  legend: MessageKey;
  /** One input in a row, or two side by side. */
  rows: readonly (readonly ProfileInput[])[];
}

export const ADDRESS_ROWS = [['street_address'], ['postal_code', 'locality'], ['region', 'country']] as const;

const PLACED: readonly Section[] = [
  {
    legend: 'profile.names',
    rows: [['name'], ['givenName', 'familyName'], ['middleName', 'nickname'], ['username']],
  },
  { legend: 'profile.languageAndZone', rows: [['locale'], ['zoneinfo']] },
  { legend: 'profile.about', rows: [['birthdate', 'gender'], ['picture'], ['profile'], ['website']] },
  { legend: 'profile.contact', rows: [['phoneNumber'], ...ADDRESS_ROWS] },
];

const placed = new Set(PLACED.flatMap(({ rows }) => rows.flat()));
const others = PROFILE_FIELDS.filter(({ name }) => !placed.has(name)).map(({ name }) => [name]);

/** The profile's form. Fields without a place come last in the section about the person. */
export const PROFILE_LAYOUT: readonly Section[] = PLACED.map((section) =>
  section.legend === 'profile.about' ? { ...section, rows: [...section.rows, ...others] } : section,
);
