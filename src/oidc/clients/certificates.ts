import { X509Certificate } from 'node:crypto';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Config } from '../../config/index.ts';

type MutualTls = NonNullable<NonNullable<Configuration['features']>['mTLS']>;

/**
 * The certificate that a proxy passes in a header: URL-encoded PEM, as nginx, HAProxy and others escape it, or the `:base64:` of
 * RFC 9440. A header with two is not accepted: one may be the proxy's and one a stranger's.
 */
function readCertificate(value: string): X509Certificate | undefined {
  if (value === '' || value.includes(',')) return undefined;
  try {
    const [, der] = /^:([A-Za-z0-9+/=]+):$/.exec(value) ?? [];
    return new X509Certificate(der === undefined ? decodeURIComponent(value) : Buffer.from(der, 'base64'));
  } catch {
    return undefined;
  }
}

/** A name's parts, most significant first, each as `TYPE=value` with the escapes of RFC 4514. */
const normalized = (parts: string[]) =>
  parts.map((part) => part.trim().replace(/^[^=]+/, (type) => type.trim().toUpperCase())).join('\n');

/**
 * Whether `dn`, an RFC 4514 string, is the certificate's subject. That string begins with the last part. A certificate may have no
 * subject, which Node's types leave out.
 */
const hasSubject = ({ subject = '' }: { subject?: string }, dn: string): boolean =>
  subject !== '' && normalized(subject.split('\n')) === normalized(dn.split(/(?<!\\),/).reverse());

/** Each entry of a subjectAltName as Node writes it: quoted as JSON when it contains anything ambiguous. */
const ENTRY = /(?:^|, )URI:("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g;

const hasUri = ({ subjectAltName = '' }: X509Certificate, uri: string): boolean =>
  [...subjectAltName.matchAll(ENTRY)].some(
    ([, value = '']) => (value.startsWith('"') ? JSON.parse(value) : value) === uri,
  );

const SAN_ONLY = { subject: 'never', wildcards: false } as const;

/** RFC 8705 section 2.1.2: each compared as a whole, no wildcards. */
const matchers: Record<string, (certificate: X509Certificate, expected: string) => boolean> = {
  tls_client_auth_subject_dn: hasSubject,
  tls_client_auth_san_dns: (certificate, name) =>
    !name.startsWith('.') && certificate.checkHost(name, SAN_ONLY) !== undefined,
  tls_client_auth_san_uri: hasUri,
  tls_client_auth_san_ip: (certificate, ip) => certificate.checkIP(ip) !== undefined,
  tls_client_auth_san_email: (certificate, email) =>
    certificate.checkEmail(email, { subject: 'never' }) !== undefined,
};

/**
 * Mutual TLS (RFC 8705) behind a proxy that terminates TLS. The headers are trusted here: the listener removes them from
 * requests that come from no trusted proxy.
 */
export function mutualTls({ mtls }: Config): MutualTls {
  const { certificateHeader, verifiedHeader, verifiedValue } = mtls;
  if (certificateHeader === null) return { enabled: false };
  const certificate = (ctx: KoaContextWithOIDC) => readCertificate(ctx.get(certificateHeader));
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: certificate,
    certificateAuthorized: (ctx) => ctx.get(verifiedHeader) === verifiedValue,
    certificateSubjectMatches(ctx, property, expected) {
      const shown = certificate(ctx);
      return shown !== undefined && matchers[property]?.(shown, expected) === true;
    },
  };
}

/** Endpoints that a client may use with its certificate at another origin (RFC 8705 section 5). */
const ALIASED = {
  token_endpoint: 'token',
  introspection_endpoint: 'introspect',
  revocation_endpoint: 'revoke',
  pushed_authorization_request_endpoint: 'par',
  device_authorization_endpoint: 'device_authorization',
  backchannel_authentication_endpoint: 'bc-authorize',
  userinfo_endpoint: 'userinfo',
};

/** The discovery metadata of that origin; empty without one. */
export function mutualTlsAliases({ mtls }: Config): Record<string, unknown> {
  const { certificateHeader, origin } = mtls;
  if (certificateHeader === null || origin === null) return {};
  const aliases = Object.entries(ALIASED).map(([name, path]) => [name, `${origin}/oauth2/${path}`]);
  return { mtls_endpoint_aliases: Object.fromEntries(aliases) as Record<string, string> };
}
