-- What was refused to each client lately, for whoever connects it: a few rows a client, whoever asks. Requests of strangers
-- stand here, never a secret of theirs. Of two that say the same the later one stays, with how often there was one.
create table refusals (
  client_id text not null references clients (id) on delete cascade,
  -- A hash of what makes it different from the others.
  fingerprint text not null,
  endpoint text not null,
  error text not null,
  parameter text,
  value text,
  reason text not null,
  count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- The X-Request-Id of the last one.
  request_id text not null,
  expires_at timestamptz not null,
  primary key (client_id, fingerprint)
);
create index refusals_expires_at on refusals (expires_at);
