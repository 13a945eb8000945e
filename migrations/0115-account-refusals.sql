-- What was refused lately to apps that asked for a person, for whoever helps that person: a few rows a person.
create table account_refusals (
  account_id uuid not null references users (id) on delete cascade,
  client_id text not null references clients (id) on delete cascade,
  fingerprint text not null,
  endpoint text not null,
  error text not null,
  parameter text,
  value text,
  reason text not null,
  count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  request_id text not null,
  expires_at timestamptz not null,
  primary key (account_id, client_id, fingerprint)
);
create index account_refusals_expires_at on account_refusals (expires_at);
create index account_refusals_client_id on account_refusals (client_id);
