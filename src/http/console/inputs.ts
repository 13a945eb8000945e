import { DomainError, isDomainError } from '../../core/errors.ts';

/** The name of the input for a field: the parser of forms would make objects of dots. */
export const inputOf = (field: string): string => field.replaceAll('.', ':');

/**
 * Runs `work`; what it refuses names the input that is at fault.
 * @param prefix what its fields begin with and the names of inputs do not
 */
export async function byInput<T>(work: () => Promise<T>, prefix = ''): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDomainError(error) || error.details.field === undefined) throw error;
    const { field } = error.details;
    const own = field.startsWith(prefix) ? field.slice(prefix.length) : field;
    throw new DomainError(error.code, { ...error.details, field: inputOf(own) }, { cause: error });
  }
}
