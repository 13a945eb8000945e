/** Where an operator begins to view as a person, and ends it. */
export const VIEW_PATH = '/account/view-as';

/** The link that begins a view: good once, in the browser where its operator is signed in. */
export function viewUrl(publicUrl: string, token: string): string {
  const url = new URL(VIEW_PATH, publicUrl);
  url.searchParams.set('token', token);
  return url.href;
}
