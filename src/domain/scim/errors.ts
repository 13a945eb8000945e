/** Error types of requests that are refused with 400 (RFC 7644 section 3.12). */
export type ScimType =
  'invalidFilter' | 'invalidSyntax' | 'invalidPath' | 'noTarget' | 'invalidValue' | 'mutability' | 'tooMany';

/** A request that violates SCIM. */
export class ScimError extends Error {
  readonly scimType: ScimType;

  constructor(scimType: ScimType, detail: string) {
    super(detail);
    this.name = 'ScimError';
    this.scimType = scimType;
  }
}
