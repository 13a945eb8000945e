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
  /** How it came without an operator. */
  readonly registration?: unknown;
  /** Whether it is an agent, as operators say. */
  readonly agent?: unknown;
  readonly redirectUris?: readonly string[] | undefined;
}

/** The proven origin of an app; its own statements prove nothing. */
interface ClientOrigin {
  /** Of the document that the app is; undefined for others. */
  host: string | undefined;
  /** Whether no operator has registered it. */
  isUnchecked: boolean;
  /** Whether it runs on the person's own computer alone, at an address that any program there can take. */
  isLoopback: boolean;
}

/** The same, fit to be shown. */
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

/** The letter that stands for somebody without a picture. */
export function monogram(name: string): string {
  for (const { segment } of graphemes.segment(name))
    if (/[\p{L}\p{N}]/u.test(segment)) return segment.toUpperCase();
  return '?';
}

/** `value` when it is an http(s) URL that may be linked to; undefined otherwise. */
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
    // As the parser writes it: letters that look like others show as xn--.
    host: registration === 'document' ? URL.parse(clientId)?.host : undefined,
    isUnchecked: registration !== undefined,
    isLoopback: redirectUris.length > 0 && redirectUris.every(isLoopback),
  };
}

/**
 * Makes a client's metadata fit to be shown: the name on one line, links to http(s) alone, the logo over https
 * (in development also from loopback).
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
