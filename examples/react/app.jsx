import { createRoot } from 'react-dom/client';
import { AuthProvider, useAuth } from 'react-oidc-context';

const settings = {
  authority: ISSUER,
  client_id: CLIENT_ID,
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email',
  // Takes the code out of the address bar.
  onSigninCallback: () => history.replaceState({}, '', '/'),
};

function App() {
  const auth = useAuth();
  if (auth.isLoading) return <p>One moment…</p>;
  if (auth.error) return <p role="alert">{auth.error.message}</p>;
  if (!auth.isAuthenticated)
    return (
      <>
        <h1>Not signed in</h1>
        <button onClick={() => void auth.signinRedirect()}>Sign in</button>
      </>
    );
  const { name, email } = auth.user.profile;
  return (
    <>
      <h1>Hello, {name}</h1>
      <p>{email}</p>
      <button onClick={() => void auth.signoutRedirect()}>Sign out</button>
    </>
  );
}

createRoot(document.getElementById('root')).render(
  <AuthProvider {...settings}>
    <App />
  </AuthProvider>,
);
