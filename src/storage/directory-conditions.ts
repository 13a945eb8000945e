/** Conditions of a SCIM filter (RFC 7644 section 3.4.2.2) on known attributes, as the domain parses them. */
export type Comparator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/** URN of the schema of this installation's custom attributes. */
export const ATTRIBUTES_SCHEMA = 'urn:postern:params:scim:schemas:extension:attributes:2.0:User';

/** How values of an attribute are compared. */
export type ValueKind = 'text' | 'exact' | 'boolean' | 'time' | 'number';

/** An attribute, an optional sub-attribute, and the schema unless it is the core schema. */
export interface Target {
  /** Names as in the schemas, outermost first; an extension's name is its URN. */
  path: readonly string[];
  /** Whether the first attribute of the path has many values. */
  isMany: boolean;
  kind: ValueKind;
}

export type Condition =
  | { is: 'compare'; target: Target; comparator: Comparator; value: string | number | boolean | null }
  | { is: 'present'; target: Target }
  /** Holds when one value of a multi-valued attribute meets `term`, whose targets are relative to it. */
  | { is: 'some'; target: Target; term: Condition }
  | { is: 'and' | 'or'; terms: Condition[] }
  | { is: 'not'; term: Condition };

/** Query of a list of a directory. */
export interface DirectoryRequest {
  condition: Condition | null;
  sort: { target: Target; descending: boolean } | null;
  /** Offset. */
  offset: number;
  limit: number;
}
