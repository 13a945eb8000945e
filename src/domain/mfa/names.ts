import { DomainError } from '../../kernel/errors.ts';
import { codePoints, parseName } from '../identifiers.ts';

const LONGEST = 60;

/** What its owner calls a factor: 1 to 60 characters that can be printed. @throws DomainError invalid_request. */
export function parseFactorName(value: string): string {
  const name = parseName('name', value).trim();
  if (codePoints(name) > LONGEST) throw new DomainError('invalid_request', { field: 'name' });
  return name;
}
