/** Every link that a message can carry; all lead to PUBLIC_URL. */
export interface Links {
  verifyEmail(token: string): string;
  resetPassword(token: string): string;
  /** Undoes a change of the account. */
  undo(token: string): string;
  signInLink(token: string): string;
  forgotPassword: string;
  home: string;
  signIn: string;
  account: string;
  requests: string;
}

export function createLinks(publicUrl: string): Links {
  const link = (path: string, token?: string): string => {
    const url = new URL(path, publicUrl);
    if (token !== undefined) url.searchParams.set('token', token);
    return url.href;
  };
  return {
    verifyEmail: (token) => link('/verify-email', token),
    resetPassword: (token) => link('/reset-password', token),
    undo: (token) => link('/undo', token),
    signInLink: (token) => link('/sign-in-link', token),
    forgotPassword: link('/forgot-password'),
    home: link('/'),
    signIn: link('/sign-in'),
    account: link('/account'),
    requests: link('/account/requests'),
  };
}
