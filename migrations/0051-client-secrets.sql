-- A client can have two secrets for a time, so that a new one can be rolled out before the old one ends. `clients` has
-- the newest; these are the ones before it, for as long as they still count.
alter table clients add column secret_created_at timestamptz;

create table former_client_secrets (
  client_id text not null references clients (id) on delete cascade,
  hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (client_id, hash)
);
create index former_client_secrets_expires_at on former_client_secrets (expires_at);
