import type { TextForm } from '../../core/text-form.ts';
import { NAME_FORM, parseName } from '../identifiers.ts';

const LONGEST = 60;

export const FACTOR_NAME_FORM: TextForm = { ...NAME_FORM, maxLength: LONGEST, examples: ['My phone'] };

/** What its owner calls a factor: 1 to 60 characters that can be printed. @throws DomainError invalid_request. */
export const parseFactorName = (value: string): string => parseName('name', value, LONGEST).trim();
