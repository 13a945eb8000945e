/** The page of every example: who is signed in, and the way in or out. */
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * @param {{ name?: string, email?: string } | undefined | null} user who has signed in, if anybody
 * @param {{ signIn: string, signOut: string }} links where signing in and out begin
 * @returns {string} HTML
 */
export function page(user, { signIn, signOut }) {
  const body = user
    ? `<h1>Hello, ${escape(user.name)}</h1><p>${escape(user.email)}</p><a href="${signOut}">Sign out</a>`
    : `<h1>Not signed in</h1><a href="${signIn}">Sign in</a>`;
  return `<!doctype html><html lang="en"><title>Example</title>${body}</html>`;
}
