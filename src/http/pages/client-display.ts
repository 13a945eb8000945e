import { isAgent } from '../../core/agents.ts';
import { isLoopbackHostname } from '../../core/network.ts';
import { oneLine } from '../../core/text.ts';

/** Display metadata of a client (RFC 7591 section 2). The client chose it: don't trust it. */
export interface ClientMetadata {
  readonly clientId: string;
  readonly clientName?: string | undefined;
  readonly clientUri?: string | undefined;
  readonly logoUri?: string | undefined;
  readonly policyUri?: string | undefined;
  readonly tosUri?: string | undefined;
  /** How it was registered without an operator. */
  readonly registration?: unknown;
  /** Whether operators declare it an agent. */
  readonly agent?: unknown;
  readonly redirectUris?: readonly string[] | undefined;
}

/** The proven origin of an app; its own statements prove nothing. */
interface ClientOrigin {
  /** The host of its metadata document; undefined for other clients. */
  host: string | undefined;
  /** Whether no operator has registered it. */
  isUnchecked: boolean;
  /** Whether it runs only on the person's own computer, at an address that any program there can use. */
  isLoopback: boolean;
}

/** Client metadata that is safe to show. */
export interface ClientDisplay {
  name: string;
  monogram: string;
  uri: string | undefined;
  logo: string | undefined;
  policy: string | undefined;
  tos: string | undefined;
  origin: ClientOrigin;
  isAgent: boolean;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The letter shown for somebody without a picture. */
export function monogram(name: string): string {
  // Segmenting takes long, and most names begin with a plain letter.
  if (/^[a-z0-9](?:[ -~]|$)/i.test(name)) return name.charAt(0).toUpperCase();
  for (const { segment } of graphemes.segment(name))
    if (/[\p{L}\p{N}]/u.test(segment)) return segment.toUpperCase();
  return '?';
}

/** `value` if it is an http(s) URL that is safe to link to; undefined otherwise. */
function webUrl(value: string | undefined): URL | undefined {
  const url = URL.parse(value ?? '');
  return url && (url.protocol === 'https:' || url.protocol === 'http:') && !url.username ? url : undefined;
}

function originOf({ clientId, registration, redirectUris = [] }: ClientMetadata): ClientOrigin {
  const isLoopback = (uri: string) => {
    const url = URL.parse(uri);
    return url?.protocol === 'http:' && isLoopbackHostname(url.hostname);
  };
  return {
    // As serialized by the URL parser: look-alike letters show as xn--.
    host: registration === 'document' ? URL.parse(clientId)?.host : undefined,
    isUnchecked: registration !== undefined,
    isLoopback: redirectUris.length > 0 && redirectUris.every(isLoopback),
  };
}

/**
 * Makes a client's metadata safe to show: the name on one line, only http(s) links, the logo only over https (in development
 * also from loopback).
 */
export function displayClient(client: ClientMetadata, production: boolean): ClientDisplay {
  const name = oneLine(client.clientName ?? '') || oneLine(client.clientId);
  const logo = webUrl(client.logoUri);
  const trusted = logo && (logo.protocol === 'https:' || (!production && isLoopbackHostname(logo.hostname)));
  return {
    name,
    monogram: monogram(name),
    uri: webUrl(client.clientUri)?.href,
    logo: trusted ? logo.href : undefined,
    policy: webUrl(client.policyUri)?.href,
    tos: webUrl(client.tosUri)?.href,
    origin: originOf(client),
    isAgent: isAgent(client),
  };
}
