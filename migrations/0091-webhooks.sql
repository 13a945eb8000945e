-- Addresses that operators have events sent to.
create table webhooks (
  id uuid primary key,
  url text not null,
  description text not null default '',
  -- Types of the audit, `noun.*` or `*`.
  event_types text[] not null,
  -- Sealed under SECRETS_KEY, as is the one that was rotated out and signs beside it for a while.
  secret bytea not null,
  former_secret bytea,
  former_secret_expires_at timestamptz,
  enabled boolean not null default true,
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('operator', 'gone', 'failing')),
  -- Attempts since the last one that succeeded.
  failures integer not null default 0,
  failing_since timestamptz,
  last_success_at timestamptz,
  -- One node at a time sends to it, and not before it may be asked again.
  leased_until timestamptz not null default now(),
  paused_until timestamptz not null default now(),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- What happens to deliveries changes nothing that operators set.
create trigger webhooks_version before update on webhooks for each row
  when (
    (old.url, old.description, old.event_types, old.secret, old.former_secret, old.enabled)
      is distinct from (new.url, new.description, new.event_types, new.secret, new.former_secret, new.enabled)
  )
  execute function next_version();

-- One event on its way to one address: written with the event itself, and kept for a while when it is over.
create table webhook_deliveries (
  id uuid primary key,
  webhook_id uuid not null references webhooks (id) on delete cascade,
  -- Of the audit's event; stays the same over retries and replays.
  event_id uuid not null,
  type text not null,
  data jsonb not null,
  -- When it happened.
  at timestamptz not null,
  status text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  -- The next attempt, or the end of the lease of the one under way.
  due_at timestamptz not null default now(),
  attempted_at timestamptz,
  response_status integer,
  error text,
  finished_at timestamptz,
  expires_at timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at) where status = 'waiting';
create index webhook_deliveries_list on webhook_deliveries (webhook_id, created_at, id);
create index webhook_deliveries_expires_at on webhook_deliveries (expires_at) where expires_at is not null;
