/** Settings to copy, for common frameworks. The code is that of docs/connecting, which tests run. */

/** Values for a snippet: expressions of its language, or plain text. */
export interface SnippetValues {
  issuer: string;
  clientId: string;
  clientSecret: string;
  redirectUri: string;
}

export interface Snippet {
  id: string;
  /** Its name, the same in every language. */
  name: string;
  /** The page of docs/connecting. */
  page: string;
  kind: 'web' | 'spa';
  /** The framework's redirect URI in development. */
  redirectUri: string;
  postLogoutRedirectUri?: string;
  /** Packages to install. */
  install?: string;
  /** File for the code. */
  file: string;
  /** Writes a value as a literal of the language. */
  literal(value: string): string;
  /** How the code reads the secret, which the snippet never contains. */
  secret: string;
  code(values: SnippetValues): string;
}

const inSingleQuotes = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
const inDoubleQuotes = (text: string): string => JSON.stringify(text);
const inYaml = (text: string): string => (/^[\w:/.@-]+$/.test(text) ? text : JSON.stringify(text));
/** Escapes what a shell would interpret, also within double quotes. */
const inShell = (text: string): string => text.replaceAll(/[^\w%+=:,./@-]/g, String.raw`\$&`);

const SIGNED_OUT = { postLogoutRedirectUri: 'http://localhost:3000/' };

/** The most common frameworks. Any other library needs only the issuer, the client_id and the secret. */
export const SNIPPETS: readonly Snippet[] = [
  {
    id: 'auth-js',
    name: 'Auth.js (NextAuth)',
    page: 'auth-js',
    kind: 'web',
    redirectUri: 'http://localhost:3000/auth/callback/postern',
    install: 'npm install @auth/core',
    file: 'auth.js',
    literal: inSingleQuotes,
    secret: 'process.env.CLIENT_SECRET',
    code: (v) => `const authConfig = {
  secret: AUTH_SECRET,
  trustHost: true,
  providers: [
    {
      id: 'postern',
      name: 'Postern',
      type: 'oidc',
      issuer: ${v.issuer},
      clientId: ${v.clientId},
      clientSecret: ${v.clientSecret},
    },
  ],
};`,
  },
  {
    id: 'express',
    name: 'Express, openid-client',
    page: 'openid-client',
    kind: 'web',
    redirectUri: 'http://localhost:3000/callback',
    ...SIGNED_OUT,
    install: 'npm install express openid-client',
    file: 'server.js',
    literal: inSingleQuotes,
    secret: 'process.env.CLIENT_SECRET',
    code: (v) => `const issuer = ${v.issuer};
const clientId = ${v.clientId};
const clientSecret = ${v.clientSecret};
const provider = await oidc.discovery(
  new URL(issuer),
  clientId,
  undefined,
  oidc.ClientSecretBasic(clientSecret),
  issuer.startsWith('http:') ? { execute: [oidc.allowInsecureRequests] } : {},
);`,
  },
  {
    id: 'oidc-client-ts',
    name: 'oidc-client-ts',
    page: 'oidc-client-ts',
    kind: 'spa',
    redirectUri: 'http://localhost:5173/callback',
    postLogoutRedirectUri: 'http://localhost:5173/',
    install: 'npm install oidc-client-ts',
    file: 'auth.js',
    literal: inSingleQuotes,
    secret: '',
    code: (v) => `const issuer = ${v.issuer};
const clientId = ${v.clientId};
const manager = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: \`\${location.origin}/callback\`,
  post_logout_redirect_uri: \`\${location.origin}/\`,
  scope: 'openid profile email',
});`,
  },
  {
    id: 'react-oidc-context',
    name: 'react-oidc-context',
    page: 'react',
    kind: 'spa',
    redirectUri: 'http://localhost:5173/callback',
    postLogoutRedirectUri: 'http://localhost:5173/',
    install: 'npm install react-oidc-context oidc-client-ts',
    file: 'main.jsx',
    literal: inSingleQuotes,
    secret: '',
    code: (v) => `const settings = {
  authority: ${v.issuer},
  client_id: ${v.clientId},
  redirect_uri: \`\${location.origin}/callback\`,
  post_logout_redirect_uri: \`\${location.origin}/\`,
  scope: 'openid profile email',
  // Takes the code out of the address bar.
  onSigninCallback: () => history.replaceState({}, '', '/'),
};
createRoot(document.getElementById('root')).render(
  <AuthProvider {...settings}>
    <App />
  </AuthProvider>,
);`,
  },
  {
    id: 'spring-boot',
    name: 'Spring Boot',
    page: 'spring-boot',
    kind: 'web',
    redirectUri: 'http://localhost:8080/login/oauth2/code/postern',
    postLogoutRedirectUri: 'http://localhost:8080/',
    install: 'spring-boot-starter-security-oauth2-client',
    file: 'application.yaml',
    literal: inYaml,
    secret: '${CLIENT_SECRET}',
    code: (v) => `spring:
  security:
    oauth2:
      client:
        registration:
          postern:
            client-id: ${v.clientId}
            client-secret: ${v.clientSecret}
            scope: openid,profile,email
        provider:
          postern:
            issuer-uri: ${v.issuer}
            user-name-attribute: preferred_username`,
  },
  {
    id: 'aspnet-core',
    name: 'ASP.NET Core',
    page: 'aspnet-core',
    kind: 'web',
    redirectUri: 'https://localhost:5001/signin-oidc',
    postLogoutRedirectUri: 'https://localhost:5001/signout-callback-oidc',
    install: 'dotnet add package Microsoft.AspNetCore.Authentication.OpenIdConnect',
    file: 'Program.cs',
    literal: inDoubleQuotes,
    secret: 'builder.Configuration["Postern:ClientSecret"]',
    code: (v) => `builder.Services
    .AddAuthentication(options =>
    {
        options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;
        options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;
    })
    .AddCookie()
    .AddOpenIdConnect(options =>
    {
        options.Authority = ${v.issuer};
        options.ClientId = ${v.clientId};
        options.ClientSecret = ${v.clientSecret};
        options.ResponseType = "code";
        options.Scope.Add("email");
        options.SaveTokens = true;
        options.MapInboundClaims = false;
        options.TokenValidationParameters.NameClaimType = "name";
        options.TokenValidationParameters.RoleClaimType = "roles";
    });`,
  },
  {
    id: 'django-allauth',
    name: 'django-allauth',
    page: 'django-allauth',
    kind: 'web',
    redirectUri: 'http://localhost:8000/accounts/oidc/postern/login/callback/',
    install: 'pip install "django-allauth[socialaccount]"',
    file: 'settings.py',
    literal: inDoubleQuotes,
    secret: 'os.environ["CLIENT_SECRET"]',
    code: (v) => `SOCIALACCOUNT_PROVIDERS={
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "postern",
                "name": "Postern",
                "client_id": ${v.clientId},
                "secret": ${v.clientSecret},
                "settings": {"server_url": ${v.issuer}},
            }
        ],
    }
}`,
  },
  {
    id: 'authlib',
    name: 'Flask, Authlib',
    page: 'authlib',
    kind: 'web',
    redirectUri: 'http://localhost:5000/callback',
    install: 'pip install authlib flask requests',
    file: 'app.py',
    literal: inDoubleQuotes,
    secret: 'os.environ["CLIENT_SECRET"]',
    code: (v) => `oauth = OAuth(app)
oauth.register(
    "postern",
    client_id=${v.clientId},
    client_secret=${v.clientSecret},
    server_metadata_url=${v.issuer} + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/login")
def login():
    return oauth.postern.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    session["user"] = oauth.postern.authorize_access_token()["userinfo"]
    return redirect("/")`,
  },
  {
    id: 'go-oidc',
    name: 'Go, go-oidc',
    page: 'go-oidc',
    kind: 'web',
    redirectUri: 'http://localhost:3000/callback',
    install: 'go get github.com/coreos/go-oidc/v3/oidc golang.org/x/oauth2',
    file: 'main.go',
    literal: inDoubleQuotes,
    secret: 'os.Getenv("CLIENT_SECRET")',
    code: (v) => `provider, err := oidc.NewProvider(ctx, ${v.issuer})
if err != nil {
  log.Fatal(err)
}
config := oauth2.Config{
  ClientID:     ${v.clientId},
  ClientSecret: ${v.clientSecret},
  Endpoint:     provider.Endpoint(),
  RedirectURL:  ${v.redirectUri},
  Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
}
verifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID})`,
  },
  {
    id: 'oauth2-proxy',
    name: 'oauth2-proxy',
    page: 'oauth2-proxy',
    kind: 'web',
    redirectUri: 'http://localhost:4180/oauth2/callback',
    file: 'oauth2-proxy',
    literal: inShell,
    secret: '$CLIENT_SECRET',
    code: (v) => `oauth2-proxy --provider=oidc --oidc-issuer-url=${v.issuer} \\
  --client-id="${v.clientId}" --client-secret="${v.clientSecret}" --redirect-url=${v.redirectUri} \\
  --code-challenge-method=S256 --scope='openid profile email groups' \\
  --email-domain='*' --cookie-secret="$(openssl rand -base64 32 | tr -- '+/' '-_')" \\
  --upstream=http://127.0.0.1:8080 \\
  --backend-logout-url='${v.issuer}/oauth2/logout?id_token_hint={id_token}'`,
  },
];

export const snippetOf = (id: string): Snippet | undefined => SNIPPETS.find((one) => one.id === id);

/** Fills in a snippet for one client, ready to paste. The code reads the secret from the environment. */
export const fillSnippet = (
  snippet: Snippet,
  { issuer, clientId, redirectUri }: Omit<SnippetValues, 'clientSecret'>,
): string =>
  snippet.code({
    issuer: snippet.literal(issuer),
    clientId: snippet.literal(clientId),
    clientSecret: snippet.secret,
    redirectUri: snippet.literal(redirectUri),
  });
