-- Authenticator apps (RFC 6238).
create table totp_authenticators (
  id uuid primary key,
  account_id uuid not null references users (id) on delete cascade,
  name text not null,
  -- Sealed under SECRETS_KEY.
  secret bytea not null,
  created_at timestamptz not null default now(),
  -- Of an enrolment that waits for its first code: when it ends. Null once that has come.
  expires_at timestamptz,
  -- The last time step that was used: neither it nor an earlier one serves again.
  last_step integer not null default 0,
  last_used_at timestamptz
);
create index totp_authenticators_account on totp_authenticators (account_id);
create index totp_authenticators_expires_at on totp_authenticators (expires_at) where expires_at is not null;

-- What passkeys know an account by (WebAuthn section 5.4.3): random, so that it tells nothing.
create table passkey_handles (
  account_id uuid primary key references users (id) on delete cascade,
  handle text not null unique
);

-- Public key credentials (WebAuthn). Ids are base64url, keys are COSE.
create table passkeys (
  id uuid primary key,
  account_id uuid not null references users (id) on delete cascade,
  name text not null,
  credential_id text not null unique,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  -- Whether it is kept in the cloud of its maker, so that it outlives the device.
  backed_up boolean not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkeys_account on passkeys (account_id);

-- Codes for who has lost the other factors; each is deleted as it is used.
create table recovery_codes (
  account_id uuid not null references users (id) on delete cascade,
  -- HMAC-SHA-256 under SECRETS_KEY: the code itself is never stored.
  hash text not null,
  primary key (account_id, hash)
);

-- Browsers that are not asked for a second factor for a while, by the hash of the token in their cookie.
create table trusted_devices (
  hash text primary key,
  account_id uuid not null references users (id) on delete cascade,
  expires_at timestamptz not null
);
create index trusted_devices_account on trusted_devices (account_id);
create index trusted_devices_expires_at on trusted_devices (expires_at);
