/** Conditions of a SCIM filter (RFC 7644 section 3.4.2.2) on attributes that are known, as the domain reads them. */
export type Comparator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/** The URN of the schema of what this installation has defined of accounts. */
export const ATTRIBUTES_SCHEMA = 'urn:postern:params:scim:schemas:extension:attributes:2.0:User';

/** How the values of an attribute compare. */
export type ValueKind = 'text' | 'exact' | 'boolean' | 'time' | 'number';

/** An attribute, its sub-attribute if that is meant, and of which schema it is if not of the core's. */
export interface Target {
  /** Names as the schemas have them, the outermost first; that of an extension is its URN. */
  path: readonly string[];
  /** Whether the first attribute of the path has many values. */
  isMany: boolean;
  kind: ValueKind;
}

export type Condition =
  | { is: 'compare'; target: Target; comparator: Comparator; value: string | number | boolean | null }
  | { is: 'present'; target: Target }
  /** That one value of an attribute that has many meets `term`, whose targets are relative to it. */
  | { is: 'some'; target: Target; term: Condition }
  | { is: 'and' | 'or'; terms: Condition[] }
  | { is: 'not'; term: Condition };

/** What a list of a directory is asked for. */
export interface DirectoryRequest {
  condition: Condition | null;
  sort: { target: Target; descending: boolean } | null;
  /** How many come before. */
  offset: number;
  limit: number;
}
