import type { Identity } from '../../../upstream/identity.ts';
import type { Flow } from '../../../upstream/relying-party.ts';
import type { SealedCookie } from '../sealed-cookie.ts';

/** A sign-in at another provider that the browser has started. */
export interface UpstreamSignIn {
  flow: Flow;
  /** The page that it returns to, and the path of this page's cookies. */
  onward: string;
  path: string;
  /** Where to start again. */
  back: string;
}

/** Each sign-in has its own cookies, named after its `state`, so that tabs do not interfere. */
export interface UpstreamCookies {
  signIn(state: string): SealedCookie<UpstreamSignIn>;
  /** The identity that returned. */
  identity(state: string): SealedCookie<Identity>;
}

/** Whether a value has the form of our `state`: 256 bits, base64url. Nothing else may name a cookie. */
export const isState = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]{43}$/.test(value);

export const createUpstreamCookies = (create: <T>(name: string) => SealedCookie<T>): UpstreamCookies => ({
  signIn: (state) => create(`postern_upstream_${state}`),
  identity: (state) => create(`postern_identity_${state}`),
});
