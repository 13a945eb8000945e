import {
  errors,
  type KoaContextWithOIDC,
  type RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider';
import { z } from 'zod';
import { isDeepStrictEqual } from 'node:util';
import type { Settings } from '../config/index.ts';

const requested = ({ oidc }: KoaContextWithOIDC): AuthorizationDetail[] | undefined => {
  const value = oidc.params?.['authorization_details'];
  return typeof value === 'string' ? (JSON.parse(value) as AuthorizationDetail[]) : undefined;
};

/** The type that the library wants of a provider with introspection. */
type Feature = RichAuthorizationRequestsActiveConfiguration & {
  authorizationDetailsForIntrospection: NonNullable<
    RichAuthorizationRequestsActiveConfiguration['authorizationDetailsForIntrospection']
  >;
};

/**
 * Checks details of one type against its JSON Schema. @throws InvalidAuthorizationDetails, with the place and the
 * reason.
 */
function validator(schema: z.core.JSONSchema.JSONSchema) {
  const compiled = z.fromJSONSchema(schema);
  return ({ oidc }: KoaContextWithOIDC, { type, ...content }: AuthorizationDetail): void => {
    // Details are not shown there.
    if (oidc.route === 'backchannel_authentication')
      throw new errors.InvalidAuthorizationDetails(
        'authorization_details are not supported in backchannel authentication requests',
      );
    const { error } = compiled.safeParse(content);
    if (!error) return;
    const problems = error.issues.map(({ path, message }) =>
      [path.join('.'), message].filter(Boolean).join(': '),
    );
    throw new errors.InvalidAuthorizationDetails(`${type}: ${problems.join('; ')}`);
  };
}

/**
 * Rich authorization requests (RFC 9396) over the configured types. A client may request only its `authorization_details_types`.
 * Consent is asked each time, also for first-party clients, so a code holds exactly what was just allowed; a token gets that, or
 * the part that its request names (section 6).
 */
export function richAuthorizationRequests(settings: Settings['authorizationDetails']): Feature {
  const types = Object.entries(settings).map(([type, { schema }]) => [type, { validate: validator(schema) }]);
  return {
    enabled: true,
    types: Object.fromEntries(types) as Record<string, { validate: ReturnType<typeof validator> }>,
    authorizationDetailsForGrantSource: (ctx) => requested(ctx),
    authorizationDetailsForAccessToken(ctx, _token, source) {
      const granted = (source as { rar?: AuthorizationDetail[] } | undefined)?.rar ?? [];
      const asked = requested(ctx);
      if (asked?.some((detail) => !granted.some((whole) => isWithin(detail, whole))))
        throw new errors.InvalidAuthorizationDetails('authorization_details exceed what was granted');
      return asked ?? granted;
    },
    authorizationDetailsForIntrospection: (_ctx, { rar }) => rar,
  };
}

/** One of the details of an authorization request (RFC 9396 section 2). */
export type AuthorizationDetail = { type: string } & Record<string, unknown>;

/** Common fields of RFC 9396 section 2.2 that list permissions: fewer values allow less. */
const LISTS = new Set(['locations', 'actions', 'datatypes', 'privileges']);

function isPart(name: string, part: unknown, whole: unknown): boolean {
  if (!LISTS.has(name) || !Array.isArray(part) || !Array.isArray(whole))
    return isDeepStrictEqual(part, whole);
  return part.length > 0 && part.every((one) => whole.includes(one));
}

/** Whether `part` asks for no more than `whole`: the same, except for shorter lists. */
export function isWithin(part: AuthorizationDetail, whole: AuthorizationDetail): boolean {
  const names = new Set([...Object.keys(part), ...Object.keys(whole)]);
  return [...names].every((name) => isPart(name, part[name], whole[name]));
}
