import { DomainError, isDomainError } from '../../core/errors.ts';

/** Name of the input for a field: the form parser would turn dots into objects. */
export const inputOf = (field: string): string => field.replaceAll('.', ':');

/**
 * Runs `work` and maps the field of its errors to the name of the input. @param prefix a prefix of the fields that input names
 * omit
 */
export async function byInput<T>(work: () => Promise<T>, prefix = ''): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDomainError(error) || error.details.field === undefined) throw error;
    const { field } = error.details;
    const name = field.startsWith(prefix) ? field.slice(prefix.length) : field;
    throw new DomainError(error.code, { ...error.details, field: inputOf(name) }, { cause: error });
  }
}
