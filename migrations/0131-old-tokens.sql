-- Opaque refresh tokens of old services, by their hash, and those of any kind that were exchanged.
create table old_refresh_tokens (
  door text not null,
  -- SHA-256, SHA-512 or SHA-1 in lower-case hexadecimal.
  hash text not null,
  -- Whose it is, as the old service calls them.
  source text,
  source_id text not null,
  -- When the old service issued it, where that is known.
  issued_at timestamptz,
  expires_at timestamptz,
  -- When it was exchanged for a token of ours.
  used_at timestamptz,
  -- What it was exchanged for, encrypted: for doors that cannot hand out a new refresh token.
  exchanged bytea,
  created_at timestamptz not null default now(),
  primary key (door, hash)
);
create index old_refresh_tokens_owner on old_refresh_tokens (source_id);

-- Until when tokens of old services are ended that an account had.
create table old_token_endings (
  account_id uuid primary key references users (id) on delete cascade,
  -- What was issued up to then is worth nothing.
  ended_at timestamptz not null
);

-- How often tokens of old services were shown.
create table old_token_uses (
  door text not null,
  -- `access`, `refresh` or `refused`.
  kind text not null,
  day date not null,
  uses bigint not null,
  last_used_at timestamptz not null,
  primary key (door, kind, day)
);

-- Tokens name people by their id at the old service, whatever that is called here.
create index imported_accounts_source_id on imported_accounts (source_id);
