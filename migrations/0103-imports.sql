-- Accounts that came from another service, by what they are called there.
create table imported_accounts (
  source text not null,
  source_id text not null,
  account_id uuid not null references users (id) on delete cascade,
  -- SHA-256 of the record as it was imported last: what has not changed is skipped.
  record_digest text not null,
  -- SHA-256 of the password hash as it was imported; null without one. What differs was set or hashed anew here.
  password_digest text,
  -- What the service kept besides.
  attributes jsonb,
  -- The run that wrote the row last.
  run uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (source, source_id)
);
create index imported_accounts_account on imported_accounts (account_id);

-- Authenticators of other services may differ from the usual ones (RFC 6238 section 1.2).
alter table totp_authenticators
  add column algorithm text not null default 'sha1' check (algorithm in ('sha1', 'sha256', 'sha512')),
  add column digits integer not null default 6 check (digits between 6 and 8),
  -- Seconds of a time step.
  add column period integer not null default 30 check (period between 10 and 300);
-- An id of a source must not be another account's own, where clients take it for a subject.
create index imported_accounts_uuids on imported_accounts (lower(source_id)) where length(source_id) = 36;
