import { decodeJwt } from 'jose';
import { errors } from 'oidc-provider';
import type { Settings } from '../../../config/index.ts';
import { type Clock, epochSeconds } from '../../../core/clock.ts';
import { ACCEPTED_ALGS } from '../../../core/tokens.ts';
import type { OutboundFetch } from '../../outbound/fetch.ts';
import { AssertionKeys } from '../../tokens/assertion-keys.ts';
import { EXTRA_METADATA, LIBRARY_METADATA, propertyOf } from '../names.ts';
import type { Metadata } from './metadata.ts';

/** Seconds that clocks may differ by. */
const TOLERANCE = 5;

const MAX_STATEMENT_LENGTH = 8_192;

/** What a statement may contain: the same as a registration. */
const SAYABLE = new Set<string>([
  'client_name',
  ...[...LIBRARY_METADATA, ...EXTRA_METADATA].filter(
    (name) => name !== 'software_statement' && propertyOf(name).registrants !== 'none',
  ),
]);

/** The metadata in a statement that was verified earlier. */
export const claimsOf = (statement: string): Metadata =>
  Object.fromEntries(Object.entries(decodeJwt(statement)).filter(([name]) => SAYABLE.has(name)));

/**
 * Verifies a software statement (RFC 7591 section 2.3).
 * @returns its metadata, which takes precedence over that of the request.
 */
export type StatementReader = (statement: unknown) => Promise<Metadata>;

/**
 * The reader throws `invalid_software_statement` for a malformed or invalid statement, and `unapproved_software_statement` for
 * one of an issuer that operators do not trust (section 3.2.2).
 */
export function createStatementReader(
  settings: Pick<Settings['clientRegistration'], 'softwareStatements'>,
  { fetch, clock }: { fetch: OutboundFetch; clock: Clock },
): StatementReader {
  const keys = new AssertionKeys(fetch);
  const invalid = (reason: string): never => {
    throw new errors.InvalidSoftwareStatement(`software_statement ${reason}`);
  };
  return async (statement) => {
    if (typeof statement !== 'string' || statement.length > MAX_STATEMENT_LENGTH)
      return invalid(`must be a JWT of at most ${MAX_STATEMENT_LENGTH} characters`);
    let iss: unknown;
    try {
      ({ iss } = decodeJwt(statement));
    } catch {
      return invalid('is not a JWT');
    }
    const trusted = settings.softwareStatements.find(({ issuer }) => issuer === iss);
    if (!trusted)
      throw new errors.UnapprovedSoftwareStatement('software_statement is not from a trusted issuer');
    await keys
      .verify(
        statement,
        { jwksUri: trusted.jwksUri },
        {
          issuer: trusted.issuer,
          algorithms: [...ACCEPTED_ALGS],
          clockTolerance: TOLERANCE,
          currentDate: new Date(epochSeconds(clock) * 1000),
        },
      )
      .catch(() => invalid('is not signed with a known key of its issuer, or has expired'));
    return claimsOf(statement);
  };
}
