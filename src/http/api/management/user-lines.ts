import { csvLine } from '../../../core/csv.ts';
import type { User } from '../../../domain/users/index.ts';
import type { ApiServices } from '../operation.ts';
import { userOf } from './presenters.ts';
import type { USER_EXPORT_FORMATS } from './schemas.ts';

type UserExportFormat = (typeof USER_EXPORT_FORMATS)[number];

export const USER_EXPORT_TYPES: Record<UserExportFormat, string> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
};

type Services = Pick<ApiServices, 'attributes'>;

const ADDRESS = ['street_address', 'locality', 'region', 'postal_code', 'country'] as const;

/** A cell: text as it is, lists of texts joined by spaces, anything else as JSON. */
function cellOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The fields of an account, with its address flattened, in a fixed order. */
function flat(user: User, services: Services): [string, unknown][] {
  const { address, ...fields } = userOf(user, services);
  return [...Object.entries(fields), ...ADDRESS.map((part): [string, unknown] => [part, address?.[part]])];
}

/** An export in lines: one per account; in CSV, a header line first. */
export async function* userLines(format: UserExportFormat, users: AsyncIterable<User>, services: Services) {
  let isFirst = true;
  for await (const user of users) {
    if (format === 'ndjson') yield `${JSON.stringify(userOf(user, services))}\n`;
    else {
      const fields = flat(user, services);
      if (isFirst) yield csvLine(fields.map(([name]) => name));
      yield csvLine(fields.map(([, value]) => cellOf(value)));
    }
    isFirst = false;
  }
}
