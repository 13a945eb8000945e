-- Accounts: every one has a UUID (sub) and an integer number, because clients of both kinds exist.
create table users (
  id uuid primary key,
  number integer generated always as identity unique,
  username text,
  -- What uniqueness is decided on: NFKC, case-folded.
  username_key text unique,
  email text not null,
  email_key text not null unique,
  email_verified_at timestamptz,
  name text,
  given_name text,
  family_name text,
  locale text,
  status text not null default 'active' check (status in ('active', 'suspended')),
  roles text[] not null default '{}',
  password_hash text,
  password_changed_at timestamptz,
  last_login_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index users_created_at on users (created_at, id);

-- OAuth clients. metadata is RFC 7591's, without client_id and client_secret.
create table clients (
  id text primary key,
  name text not null,
  secret_hash text,
  metadata jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Resource servers (RFC 8707): what an access token may be for.
create table apis (
  identifier text primary key,
  name text not null,
  scopes text[] not null default '{}',
  access_token_format text not null default 'jwt' check (access_token_format in ('jwt', 'opaque')),
  -- Seconds; null takes the server's default.
  access_token_ttl integer check (access_token_ttl > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Signing keys. The private JWK is sealed under SECRETS_KEY. Published from created_at, signs from
-- activates_at until a newer one of its algorithm does, leaves the JWKS at expires_at.
create table signing_keys (
  kid text primary key,
  alg text not null,
  public_jwk jsonb not null,
  private_jwk bytea not null,
  created_at timestamptz not null default now(),
  activates_at timestamptz not null,
  expires_at timestamptz
);

-- Grants stand apart: what was issued under one goes with it, by the foreign key, whatever races it.
create table oidc_grants (
  id text primary key,
  account_id uuid references users (id) on delete cascade,
  client_id text,
  -- json, not jsonb: what a client sent may hold the character NUL, which jsonb refuses.
  payload json not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index oidc_grants_account on oidc_grants (account_id);
create index oidc_grants_expires_at on oidc_grants (expires_at);

-- What a person has allowed a client, remembered beyond the session: a new login makes a new grant from it.
create table consents (
  account_id uuid not null references users (id) on delete cascade,
  client_id text not null references clients (id) on delete cascade,
  -- {"oidcScopes": [...], "oidcClaims": [...], "resourceScopes": {"<api>": [...]}}
  allowed jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (account_id, client_id)
);

-- Every other record of the provider: sessions and refresh tokens always, the short-lived ones without Redis.
create table oidc_records (
  model text not null,
  -- SHA-256 of the id, base64url: a token is never stored.
  id text not null,
  payload json not null,
  -- Of a session: what each client has of it, apart from the payload so that two saves can be joined.
  authorizations jsonb,
  grant_id text references oidc_grants (id) on delete cascade,
  -- Of a record without a grant; the others have their grant's.
  account_id uuid references users (id) on delete cascade,
  client_id text,
  -- Of a session: what stays the same when its id changes.
  uid text,
  -- Of a session: when it ended.
  consumed_at timestamptz,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (model, id)
);
create index oidc_records_grant on oidc_records (grant_id) where grant_id is not null;
create index oidc_records_account on oidc_records (account_id) where account_id is not null;
create unique index oidc_records_uid on oidc_records (model, uid) where uid is not null;
create index oidc_records_expires_at on oidc_records (expires_at);

-- Access tokens that ended before they expired: one token by its jti, every token of a grant, or every token of a
-- client. Redis has a copy for the hot path; this one survives it.
create table revocation_marks (
  kind text not null check (kind in ('token', 'grant', 'client')),
  key text not null,
  expires_at timestamptz not null,
  primary key (kind, key)
);
create index revocation_marks_expires_at on revocation_marks (expires_at);

-- Who did what, when, from where, through which door, with which outcome. Append-only.
create table audit_events (
  id uuid primary key,
  at timestamptz not null default now(),
  type text not null,
  outcome text not null check (outcome in ('success', 'failure')),
  -- The account it is about; kept when the account is deleted.
  subject uuid,
  actor_kind text not null,
  actor_id text,
  client_id text,
  door text not null,
  ip inet,
  user_agent text,
  request_id text,
  details jsonb not null default '{}'
);
create index audit_events_subject on audit_events (subject, at desc) where subject is not null;
create index audit_events_at on audit_events (at desc);
create function audit_events_are_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'audit events are append-only';
end $$;
create trigger audit_events_append_only before update or delete or truncate on audit_events
  for each statement execute function audit_events_are_append_only();
