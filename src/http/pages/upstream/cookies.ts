import type { Identity } from '../../../upstream/identity.ts';
import type { Flow } from '../../../upstream/relying-party.ts';
import type { SealedCookie } from '../sealed-cookie.ts';

/** A sign-in at another provider that a browser is on its way with. */
export interface UpstreamSignIn {
  flow: Flow;
  /** The page that it comes back to, and the path that this one's cookies live on. */
  onward: string;
  path: string;
  /** Where to begin again. */
  back: string;
}

/** Each sign-in has cookies of its own, named after its `state`: several tabs do not get into each other's way. */
export interface UpstreamCookies {
  signIn(state: string): SealedCookie<UpstreamSignIn>;
  /** Who it was that came back. */
  identity(state: string): SealedCookie<Identity>;
}

/** Of a `state` of ours: 256 bits, base64url. Anything else names no cookie. */
export const isState = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]{43}$/.test(value);

export const createUpstreamCookies = (create: <T>(name: string) => SealedCookie<T>): UpstreamCookies => ({
  signIn: (state) => create(`postern_upstream_${state}`),
  identity: (state) => create(`postern_identity_${state}`),
});
