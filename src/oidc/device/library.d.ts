/* Classes of the library for the device flow that its main module does not export. */

declare module 'oidc-provider/lib/helpers/re_render_errors.js' {
  /** The code has been answered already: the page for codes says so. */
  export class AlreadyUsedError extends Error {
    constructor(userCode: string);
  }
}
