import { errors, type Provider } from 'oidc-provider';
import { EXTRA_METADATA, LIBRARY_METADATA } from '../clients/metadata.ts';
import { sentencesOf } from './describe.ts';
import { parameterAtFault } from './parameters.ts';

const METADATA = new Set<string>([...LIBRARY_METADATA, ...EXTRA_METADATA, 'client_secret']);

/** What the library says of metadata that cannot be, whatever the configuration. */
function refusalOfMetadata({ Client }: Provider): errors.OIDCProviderError {
  try {
    void new (Client as unknown as new (metadata: object) => object)({ client_id: 'a', redirect_uris: 'b' });
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return error;
  }
  throw new Error('metadata that cannot be is not refused as it was');
}

const named = (error: string, refusal: errors.OIDCProviderError): string | null =>
  parameterAtFault({ error, sentences: sentencesOf(refusal), grantType: undefined, authMethod: undefined });

/**
 * The library has no name for the parameter at fault, and no hook that could tell it: only sentences. This reads some of
 * them, and looks for the detail that clients do not get.
 * @throws Error when one is not understood any more.
 */
export function checkSentences(provider: Provider): void {
  const ofMetadata = refusalOfMetadata(provider);
  if (!METADATA.has(named('invalid_client_metadata', ofMetadata) ?? ''))
    throw new Error(`"${ofMetadata.error_description}" does not begin with a property any more`);
  const samples: [errors.OIDCProviderError, string][] = [
    [new errors.InvalidRedirectUri(), 'redirect_uri'],
    [new errors.InvalidTarget(), 'resource'],
    [new errors.UnsupportedGrantType(), 'grant_type'],
    [new errors.UnsupportedResponseType(), 'response_type'],
    [new errors.UnsupportedResponseMode(), 'response_mode'],
  ];
  for (const [refusal, parameter] of samples)
    // Without the code, which would tell by itself.
    if (named('', refusal) !== parameter)
      throw new Error(`"${refusal.error_description}" does not name ${parameter} any more`);
  if (new errors.InvalidGrant('why').error_detail !== 'why')
    throw new Error('error_detail is not there any more');
}
