-- What `postern apply` has made or taken over: whose it is, and what its file said last, so that what a file does not say any
-- more can be taken back, and what it never said stays.
create table owned_resources (
  kind text not null,
  id text not null,
  owner text not null,
  applied jsonb not null,
  -- A keyed hash of the secret that the file refers to.
  secret_hash text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (kind, id)
);
