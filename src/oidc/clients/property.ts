import { z } from 'zod';

/** An option of `client create` and `client update`, for commander. */
export interface PropertyOption {
  /** As `--refresh-ttl <seconds>`. */
  flags: string;
  help: string;
  /** Needed where the schema does not define them. */
  choices?: readonly string[];
}

/** The definition of a client metadata property besides its schema. */
export interface Property {
  /** Meaning, in Markdown, for docs/client-metadata.md. */
  meaning: string;
  /** Default: a value or the setting it comes from. Markdown. */
  default: string;
  /** Whether a client that registers itself may set it (RFC 7591): any, one whose policy names it in `metadata`, or none. */
  registrants: 'all' | 'policy' | 'none';
  /** What values a client that registers itself may use: https URLs only, or redirect targets. */
  uri?: 'https' | 'redirect';
  option?: PropertyOption;
}

/** A client's metadata as submitted or stored. */
export interface Metadata {
  [name: string]: unknown;
  redirect_uris?: unknown;
  token_endpoint_auth_method?: unknown;
}

/** A property whose values are checked here: the library checks those that it knows. */
export interface ExtraProperty extends Property {
  /** The requirement on each value, as an error message states it after the name. */
  must: string;
  /** Finds a conflict of the value with other metadata; null when there is none. Runs before `must`. */
  conflict?(value: unknown, client: Metadata): string | null;
  /** Not to be told to clients: it represents part of another property. */
  internal?: true;
}

/** By schema. */
export const properties = z.registry<Property | ExtraProperty>();
