/** Where people sign out (OpenID Connect RP-Initiated Logout 1.0); below it is what asks them. */
export const LOGOUT_PATH = '/oauth2/logout';
