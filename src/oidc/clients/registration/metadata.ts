import { errors } from 'oidc-provider';
import { isLoopbackHostname } from '../../../core/network.ts';
import { EXTRA_METADATA, LIBRARY_METADATA, propertyOf } from '../names.ts';
import type { Property } from '../property.ts';

/** Metadata as submitted; any JSON. */
export type Metadata = Record<string, unknown>;

/** @throws InvalidClientMetadata; with `redirect_uris` as its first word it becomes `invalid_redirect_uri`. */
export function refuse(description: string): never {
  throw new errors.InvalidClientMetadata(description);
}

const MAX_TEXT = 2048;
const MAX_LIST = 50;
const MAX_NAME = 100;

const namesBy = (uri: Property['uri']) =>
  [...LIBRARY_METADATA, ...EXTRA_METADATA].filter((name) => propertyOf(name).uri === uri);

/** Shown to people, linked to, or called by this server: never without TLS. */
const HTTPS = namesBy('https');

/** Redirect targets. */
const TARGETS = namesBy('redirect');

/** Members of private keys only (RFC 7518 section 6). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Invisible characters, and those that hide or reorder their neighbours, except joiners. */
const UNSHOWABLE = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\u200c\u200d]]/v;

/** Schemes that browsers handle or hand over: no native app of the person's receives them. */
const NOT_OF_APPS = new Set(
  'about: blob: chrome: data: file: filesystem: ftp: http: https: javascript: mailto: tel: vbscript: view-source: ws: wss:'.split(
    ' ',
  ),
);

function checkSizes(name: string, value: unknown): void {
  if (typeof value === 'string' && value.length > MAX_TEXT) refuse(`${name} is too long`);
  if (!Array.isArray(value)) return;
  if (value.length > MAX_LIST) refuse(`${name} has too many entries`);
  for (const member of value) checkSizes(name, member);
}

function isHttps(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
}

/**
 * Whether a redirect URI can only reach a native app (RFC 8252 section 7): a reverse-domain scheme, which has a period (section
 * 8.4), or a loopback address. Editors have short schemes followed by a domain, like `cursor://anysphere.app/`. A code is
 * useless to another app without the code verifier.
 */
function isNativeTarget(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (!url || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.protocol === 'http:') return isLoopbackHostname(url.hostname);
  const hasPeriod = url.protocol.includes('.') || url.hostname.includes('.');
  return !NOT_OF_APPS.has(url.protocol) && hasPeriod && /^[a-z][a-z0-9+.-]*:$/.test(url.protocol);
}

/** A scheme that any app could claim, because it names no domain (RFC 8252 section 7.1). */
function isNamelessTarget(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  return url !== null && !NOT_OF_APPS.has(url.protocol) && !isNativeTarget(value) && url.username === '';
}

/** Drops schemes without a domain from a native app that has other addresses; the reply names those that remain. */
function dropNameless(metadata: Metadata, name: string): void {
  const targets = metadata[name];
  if (!Array.isArray(targets) || metadata['application_type'] !== 'native') return;
  const kept = targets.filter((uri) => !isNamelessTarget(uri));
  if (kept.length > 0) metadata[name] = kept;
}

const isWebTarget = (value: unknown): boolean =>
  isHttps(value) && !new URL(String(value)).hostname.includes('*');

/** Most native apps don't declare it, but their redirect URIs show it. */
function setApplicationType(metadata: Metadata): void {
  const { redirect_uris: targets } = metadata;
  if (Array.isArray(targets) && targets.some(isNativeTarget)) metadata['application_type'] ??= 'native';
}

function checkTargets(metadata: Metadata, name: string): void {
  const targets = metadata[name];
  if (targets === undefined) return;
  const isNative = metadata['application_type'] === 'native';
  if (
    !Array.isArray(targets) ||
    !targets.every((uri) => isWebTarget(uri) || (isNative && isNativeTarget(uri)))
  )
    refuse(
      `${name} must be https URLs without a fragment; a native app may also use loopback URLs and schemes with a period, such as com.example.app`,
    );
}

function checkKeys({ jwks, jwks_uri: uri }: Metadata): void {
  if (jwks !== undefined && uri !== undefined) refuse('jwks and jwks_uri must not be used at the same time');
  const { keys } = (typeof jwks === 'object' && jwks !== null ? jwks : {}) as { keys?: unknown };
  if (jwks === undefined) return;
  if (!Array.isArray(keys) || keys.length > MAX_LIST) refuse('jwks must contain a list of keys');
  for (const key of keys) {
    if (typeof key !== 'object' || key === null) refuse('jwks must contain a list of keys');
    if (PRIVATE.some((member) => Object.hasOwn(key, member))) refuse('jwks must contain only public keys');
  }
}

/**
 * Checks self-registered metadata beyond the library's own checks. Completes `application_type`.
 * @throws InvalidClientMetadata (RFC 7591 section 3.2.2).
 */
export function checkRegistrantMetadata(metadata: Metadata): void {
  // A statement has its own limit and is signed.
  for (const [name, value] of Object.entries(metadata))
    if (name !== 'software_statement') checkSizes(name, value);
  const { client_name: name } = metadata;
  if (
    name !== undefined &&
    (typeof name !== 'string' || name.trim() === '' || name.length > MAX_NAME || UNSHOWABLE.test(name))
  )
    refuse(`client_name must have 1 to ${MAX_NAME} printable characters`);
  for (const uri of HTTPS)
    if (metadata[uri] !== undefined && !isHttps(metadata[uri])) refuse(`${uri} must be an https URL`);
  setApplicationType(metadata);
  for (const name of TARGETS) {
    dropNameless(metadata, name);
    checkTargets(metadata, name);
  }
  checkKeys(metadata);
}
