-- The outbox holds more than mail: what the clients of a session are told when it ends (OpenID Connect Back-Channel
-- Logout 1.0). What waits goes by kind, so that neither stands in the other's way.
alter table outbox
  add column kind text not null default 'mail',
  -- Whom it goes to, where what cannot be reached shall not be tried again for each message: a client.
  add column recipient text;
drop index outbox_due;
create index outbox_due on outbox (kind, due_at) where content is not null;
create index outbox_recipient on outbox (recipient) where content is not null and recipient is not null;

-- Providers that people may sign in with, as far as they were registered by the command; the others are in the settings.
create table upstreams (
  id text primary key,
  settings jsonb not null,
  -- The client secret, sealed under SECRETS_KEY.
  secret bytea not null,
  created_at timestamptz not null default now()
);

-- Who at such a provider is whom here.
create table upstream_identities (
  id uuid primary key,
  upstream text not null,
  -- Subjects are an issuer's own: what another one calls the same is somebody else.
  issuer text not null,
  subject text not null,
  account_id uuid not null references users (id) on delete cascade,
  -- What its owner knows it by.
  label text,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  unique (upstream, issuer, subject)
);
create index upstream_identities_account on upstream_identities (account_id);
