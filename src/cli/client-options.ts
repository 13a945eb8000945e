import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import {
  clientMetadata,
  EXTRA_METADATA,
  LIBRARY_METADATA,
  type MetadataName,
  propertyOf,
} from '../oidc/clients/names.ts';
import {
  AUTHORIZATION_CLAIMS,
  type AuthorizationClaim,
  type ClaimMappings,
} from '../oidc/clients/claim-mappings.ts';
import { integer, jsonFile, jsonObject, repeated } from './options.ts';

type Parse = (value: string, previous: never) => unknown;

/** Options whose value needs conversion before it becomes metadata. */
const PARSERS: Partial<Record<MetadataName, Parse>> = {
  scope: repeated,
  jwks: jsonFile,
  claim_mappings: addClaim,
};

/** `groups` or `groups=teams`: a claim that tokens have whatever the scope, and what it is called. */
function addClaim(typed: string, previous: ClaimMappings | undefined): ClaimMappings {
  const [claim = '', name] = typed.split('=', 2);
  if (!AUTHORIZATION_CLAIMS.some((one) => one === claim))
    throw new InvalidArgumentError(`must begin with ${AUTHORIZATION_CLAIMS.join(', ')}.`);
  const mapping = { always: true, ...(name === undefined ? {} : { name }) };
  return { ...previous, [claim as AuthorizationClaim]: mapping };
}

function parserOf(name: MetadataName): Parse | undefined {
  const schema: z.ZodType = clientMetadata.shape[name];
  if (schema instanceof z.ZodNumber) return integer(schema.minValue ?? 0, schema.maxValue ?? Infinity);
  return schema instanceof z.ZodArray ? repeated : PARSERS[name];
}

function choicesOf(name: MetadataName): readonly string[] | undefined {
  const schema: z.ZodType = clientMetadata.shape[name];
  return (
    propertyOf(name).option?.choices ?? (schema instanceof z.ZodEnum ? schema.options.map(String) : undefined)
  );
}

/** The option that sets a metadata property, or undefined. */
function optionOf(name: MetadataName): Option | undefined {
  const { option } = propertyOf(name);
  if (!option) return undefined;
  const parser = parserOf(name);
  const choices = choicesOf(name);
  const made = new Option(
    option.flags,
    parser === repeated || parser === addClaim ? `${option.help} (can be repeated)` : option.help,
  );
  if (choices) made.choices(choices);
  else if (parser) made.argParser(parser as (value: string, previous: unknown) => unknown);
  return name === 'require_pkce' ? made.conflicts('pkce') : made;
}

/** The metadata properties that have an option, each with its option. */
export const metadataOptions: readonly (readonly [MetadataName, Option])[] = [
  ...LIBRARY_METADATA,
  ...EXTRA_METADATA,
].flatMap((name) => {
  const option = optionOf(name);
  return option ? [[name, option] as const] : [];
});

/** Adds the options for client metadata to `command`. */
export function withMetadataOptions(command: Command): Command {
  for (const [, option] of metadataOptions) command.addOption(option);
  return command
    .option('--no-pkce', 'do not require PKCE or a nonce')
    .option('--exchange-for <api>', 'API that the client may exchange tokens for (can be repeated)', repeated)
    .option(
      '--exchange-from <client_id>',
      'another client whose tokens it may exchange (can be repeated)',
      repeated,
    )
    .option('--exchange-impersonation', 'allow token exchange without an actor token')
    .option(
      '--metadata <json>',
      'other RFC 7591 metadata, such as {"jwks_uri":"…","logo_uri":"…"}',
      jsonObject,
    );
}
