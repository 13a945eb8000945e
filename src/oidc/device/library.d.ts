/* What the library does not export from its main module, as far as the device flow throws it. */

declare module 'oidc-provider/lib/helpers/re_render_errors.js' {
  /** The code has an answer already: the page for codes says so. */
  export class AlreadyUsedError extends Error {
    constructor(userCode: string);
  }
}
