-- Accounts that a directory drives over SCIM (RFC 7643, 7644).
alter table users
  -- The directory that drives it; null for one that is kept here.
  add column source text,
  -- Its id in that directory.
  add column external_id text;

-- What a directory says of an account beside what the account itself has.
create table directory_entries (
  account_id uuid primary key references users (id) on delete cascade,
  user_name text not null,
  -- What uniqueness is decided on: NFKC, case-folded.
  user_name_key text not null unique,
  -- The keys of all its addresses.
  email_keys text[] not null default '{}',
  -- Attributes by their SCIM names. The value of the address that is the account's is left out: the account has it.
  attributes jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index directory_entries_email_keys on directory_entries using gin (email_keys);

-- What a directory shows to be let in: by the hash, the token itself is not stored.
create table scim_tokens (
  id uuid primary key,
  name text not null,
  hash text not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz
);
