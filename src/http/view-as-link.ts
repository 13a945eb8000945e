/** Where an operator starts and ends viewing as a person. */
export const VIEW_PATH = '/account/view-as';

/** The link that starts a view: single-use, in the browser where its operator is signed in. */
export function viewUrl(publicUrl: string, token: string): string {
  const url = new URL(VIEW_PATH, publicUrl);
  url.searchParams.set('token', token);
  return url.href;
}
