/**
 * A single-page app: a public client (RFC 6749 section 2.1), which can keep no secret. Instead each sign-in is bound to
 * this browser by PKCE, and the refresh token changes with each use. `oidc-client-ts` speaks the protocol.
 */
const { UserManager, WebStorageStateStore } = globalThis.oidc;
const { issuer, clientId } = await (await fetch('/config.json')).json();

const manager = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email',
  loadUserInfo: true,
  // One sign-in for all tabs. Two of them may refresh at once: Postern gives both the same new refresh token.
  userStore: new WebStorageStateStore({ store: localStorage }),
  // Refreshes by itself a minute before the access token expires.
  automaticSilentRenew: true,
});

const element = (id) => document.getElementById(id);
let refreshes = 0;

function list(id, values) {
  const rows = Object.entries(values).map(([name, value]) => {
    const row = document.createElement('div');
    const term = document.createElement('dt');
    const detail = document.createElement('dd');
    term.textContent = name;
    detail.textContent = typeof value === 'object' ? JSON.stringify(value) : value;
    row.append(term, detail);
    return row;
  });
  element(id).replaceChildren(...rows);
}

function show(user) {
  element('signed-in').hidden = !user;
  element('signed-out').hidden = Boolean(user);
  element('title').textContent = user
    ? `Hello, ${user.profile.name ?? user.profile.preferred_username}`
    : 'Atlas';
  element('refreshes').textContent = refreshes;
  if (!user) return;
  list('profile', user.profile);
  list('tokens', {
    // Never shown in a real app; here to see that they change.
    access_token: `…${user.access_token.slice(-6)}`,
    refresh_token: `…${user.refresh_token.slice(-6)}`,
    expires: new Date(user.expires_at * 1000).toLocaleTimeString(),
  });
}

function complain(error) {
  element('problem').hidden = false;
  element('problem').textContent = error.message;
}

/** Does what a button is for and says so when it fails. */
async function act(action) {
  element('problem').hidden = true;
  try {
    await action();
  } catch (error) {
    complain(error);
  }
}

const onClick = (id, action) => element(id).addEventListener('click', () => void act(action));

async function refresh() {
  try {
    await manager.signinSilent();
  } catch (error) {
    await ended(error);
  }
}

/** The provider refused the refresh token: the sign-in behind it has ended. Anything else may work the next time. */
async function ended(error) {
  if (error.error !== 'invalid_grant') throw error;
  await manager.removeUser();
  complain(new Error('Your sign-in has ended. Sign in again.'));
}

onClick('sign-in', () => manager.signinRedirect());
onClick('create', () => manager.signinRedirect({ prompt: 'create' }));
onClick('refresh', refresh);
onClick('sign-out', () => manager.signoutRedirect());

manager.events.addUserLoaded((user) => {
  refreshes += 1;
  show(user);
});
manager.events.addUserUnloaded(() => show(null));
manager.events.addSilentRenewError((error) => act(() => ended(error)));
// Another tab signed in, refreshed or signed out.
addEventListener('storage', () => void act(async () => show(await manager.getUser())));

if (location.pathname === '/callback') {
  try {
    await manager.signinCallback();
    refreshes = 0;
  } catch (error) {
    complain(error);
  }
  // The code is used up; a reload must not try it again.
  history.replaceState(null, '', '/');
}
const user = await manager.getUser();
show(user);
if (user?.expired) await act(refresh);
