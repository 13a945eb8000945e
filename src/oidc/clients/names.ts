import { nearest } from '../../core/nearest.ts';
import { EXTRA_METADATA } from './metadata.ts';

/** The metadata that the library takes from an operator (RFC 7591, OpenID Connect, FAPI, CIBA, RFC 8705 and so on). */
export const LIBRARY_METADATA =
  `application_type authorization_details_types authorization_encrypted_response_alg
  authorization_encrypted_response_enc authorization_signed_response_alg backchannel_authentication_request_signing_alg
  backchannel_client_notification_endpoint backchannel_logout_session_required backchannel_logout_uri
  backchannel_token_delivery_mode backchannel_user_code_parameter client_uri contacts default_acr_values default_max_age
  dpop_bound_access_tokens grant_types id_token_encrypted_response_alg id_token_encrypted_response_enc
  id_token_signed_response_alg initiate_login_uri introspection_encrypted_response_alg
  introspection_encrypted_response_enc introspection_signed_response_alg jwks jwks_uri logo_uri policy_uri
  post_logout_redirect_uris redirect_uris request_object_encryption_alg request_object_encryption_enc
  request_object_signing_alg require_auth_time require_pushed_authorization_requests require_signed_request_object
  response_modes response_types scope sector_identifier_uri subject_type tls_client_auth_san_dns
  tls_client_auth_san_email tls_client_auth_san_ip tls_client_auth_san_uri tls_client_auth_subject_dn
  tls_client_certificate_bound_access_tokens token_endpoint_auth_method token_endpoint_auth_signing_alg tos_uri
  use_mtls_endpoint_aliases userinfo_encrypted_response_alg userinfo_encrypted_response_enc
  userinfo_signed_response_alg`.split(/\s+/);

/** What is not set like the rest, and how it is. */
const NOT_SET: Record<string, string> = {
  client_id: 'is chosen when the client is made: --client-id',
  client_name: 'is set by --name',
  client_secret: 'is made by the server: rotate-secret makes another, --client-secret-stdin brings one along',
  client_secret_expires_at: 'is the business of rotate-secret',
  client_id_issued_at: 'is the server’s to say',
  registration_access_token: 'is given to clients that register themselves',
  registration_client_uri: 'is given to clients that register themselves',
  software_statement: 'is not taken',
  api_scope: 'is part of scope',
};

const KNOWN = new Set([...LIBRARY_METADATA, ...EXTRA_METADATA]);

/** What is wrong with the name of a property that shall be set, or null. */
export function nameProblem(name: string): string | null {
  const instead = NOT_SET[name];
  if (instead !== undefined) return instead;
  if (KNOWN.has(name)) return null;
  const meant = nearest(name, KNOWN);
  return `is no client metadata${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
