import { DomainError } from '../../core/errors.ts';

/** Error prefixes of a Redis that cannot serve now. */
const NOT_NOW =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS)/;

/**
 * Awaits what Redis was asked for.
 * @throws DomainError unavailable when there is no reply, or none until later.
 */
export async function reply<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (Error.isError(error) && error.name === 'ReplyError' && !NOT_NOW.test(error.message)) throw error;
    throw new DomainError('unavailable', {}, { cause: error });
  }
}
