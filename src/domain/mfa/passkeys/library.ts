import type * as Server from '@simplewebauthn/server';
import type * as Helpers from '@simplewebauthn/server/helpers';

/** The library, read at the first ceremony: it would add a quarter to the time of every start. */
export const webauthn = (): Promise<typeof Server> => import('@simplewebauthn/server');
export const webauthnHelpers = (): Promise<typeof Helpers> => import('@simplewebauthn/server/helpers');
