import { type Command, Option } from 'commander';
import { ID_TOKEN_CLAIMS } from '../core/id-token-claims.ts';
import { PROFILES } from '../core/profiles.ts';
import { integer, jsonFile, jsonObject, repeated } from './options.ts';

const DAY = 86_400;
const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
const GRANTS =
  'authorization_code, refresh_token, client_credentials, device-code, ciba, token-exchange, jwt-bearer';

/** Gives `command` the options that say a client's metadata. */
export function withMetadataOptions(command: Command): Command {
  return command
    .option('--redirect-uri <uri>', 'where people are sent back to (can be repeated)', repeated)
    .option('--grant <type>', `${GRANTS} (can be repeated)`, repeated)
    .option(
      '--post-logout-redirect-uri <uri>',
      'where people may be sent after signing out (can be repeated)',
      repeated,
    )
    .option('--scope <scope>', 'a scope that it may ask for; without any, all (can be repeated)', repeated)
    .option('--first-party', 'people are not asked for consent')
    .option(
      '--cors-origin <origin>',
      "an origin that may call from a browser, beside its redirect URIs' (can be repeated)",
      repeated,
    )
    .option('--default-resource <uri>', 'the API that its tokens are for when it names none')
    .option('--access-token-ttl <seconds>', 'how long its access tokens live', integer(1, DAY))
    .option('--id-token-ttl <seconds>', 'how long its ID tokens live', integer(1, DAY))
    .addOption(
      new Option(
        '--id-token-claims <which>',
        'whether its ID tokens have the claims of the scopes, or say only that somebody signed in',
      ).choices(ID_TOKEN_CLAIMS),
    )
    .option('--refresh-ttl <seconds>', 'when an unused refresh token ends', integer(1, 3650 * DAY))
    .option(
      '--refresh-absolute-ttl <seconds>',
      'when refresh tokens end however often they are used',
      integer(1, 3650 * DAY),
    )
    .option(
      '--refresh-grace <seconds>',
      'how long a rotated refresh token gets the same successor',
      integer(0, 60),
    )
    .option('--exchange-for <api>', 'an API that it may exchange tokens for (can be repeated)', repeated)
    .option(
      '--exchange-from <client_id>',
      'a client whose tokens it may exchange, beside its own (can be repeated)',
      repeated,
    )
    .option('--exchange-impersonation', 'it may exchange tokens without saying who acts')
    .option('--may-act <client_id>', 'the one client that may exchange its tokens')
    .option(
      '--api <identifier>',
      "it is this API's own client, and may introspect the tokens that are for it (can be repeated)",
      repeated,
    )
    .option('--jwks <file>', 'its public keys: a file with a JSON Web Key Set', jsonFile)
    .option('--notification-endpoint <uri>', 'where it is told that a person has answered (CIBA ping)')
    .addOption(
      new Option(
        '--require-pkce',
        'take no nonce in place of PKCE: for a client that always uses it',
      ).conflicts('pkce'),
    )
    .option('--no-pkce', 'require neither PKCE nor a nonce of it')
    .addOption(new Option('--auth-method <method>', 'how it authenticates').choices(AUTH_METHODS))
    .addOption(new Option('--profile <profile>', 'the rules that it is held to').choices(PROFILES))
    .addOption(
      new Option('--application-type <type>', 'OpenID Connect application_type').choices(['web', 'native']),
    )
    .option(
      '--metadata <json>',
      'more RFC 7591 metadata, such as {"jwks_uri":"…","logo_uri":"…"}',
      jsonObject,
    );
}
