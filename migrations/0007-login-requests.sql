-- Requests of clients to sign somebody in who is elsewhere (OpenID Connect CIBA Core 1.0), until the person answers.
create table login_requests (
  id uuid primary key,
  account_id uuid not null references users (id) on delete cascade,
  client_id text not null references clients (id) on delete cascade,
  -- Sealed under SECRETS_KEY: it is what the answer is kept by, and as good as the tokens once there is one.
  auth_req_id bytea not null,
  -- {"oidcScopes": [...], "oidcClaims": [...], "resourceScopes": {"<api>": [...]}}
  asked jsonb not null,
  binding_message text,
  -- The weakest login that the client is content with; null for any.
  acr text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index login_requests_account on login_requests (account_id);
create index login_requests_expires_at on login_requests (expires_at);
