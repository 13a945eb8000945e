import { html, page, table } from '../shared/html.ts';
import type { SignedIn } from './sessions.ts';

const TITLE = 'Ledger, a web app';

export function homePage(signedIn: SignedIn | undefined): string {
  if (!signedIn) {
    return page(
      TITLE,
      html`<main>
        <p class="kind">Web app · openid-client</p>
        <h1>Ledger</h1>
        <p>An app with a server of its own. It knows nobody yet.</p>
        <div class="actions">
          <a class="button" href="/login">Sign in with Postern</a>
          <a class="button secondary" href="/login?prompt=create">Create an account</a>
        </div>
      </main>`,
    );
  }
  const { tokens, claims, profile, refreshes } = signedIn;
  return page(
    TITLE,
    html`<main>
      <p class="kind">Web app · openid-client</p>
      <h1>Hello, ${profile.name ?? profile.preferred_username ?? profile.sub}</h1>
      <p>
        The tokens are on this app’s server. The access token lasts ${tokens.expires_in} seconds and was
        refreshed <span id="refreshes">${refreshes}</span> times.
      </p>
      <div class="actions">
        <form method="post" action="/refresh"><button>Refresh</button></form>
        <form method="post" action="/logout"><button class="secondary">Sign out</button></form>
      </div>
      <section id="profile">
        <h2>Userinfo</h2>
        ${table(profile)}
      </section>
      <section id="claims">
        <h2>ID token</h2>
        ${table(claims)}
      </section>
    </main>`,
  );
}

export const problemPage = (error: string, description: string | undefined): string =>
  page(
    TITLE,
    html`<main>
      <p class="kind">Web app · openid-client</p>
      <h1>You are not signed in</h1>
      <p class="problem"><code>${error}</code> ${description ?? ''}</p>
      <div class="actions"><a class="button" href="/">Back</a></div>
    </main>`,
  );
