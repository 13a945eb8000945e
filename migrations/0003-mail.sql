-- Mail to be sent, committed with the change that causes it.
create table outbox (
  id uuid primary key,
  -- What caused it: one cause, one message, however often it is asked for.
  cause text not null unique,
  -- The message, sealed under SECRETS_KEY because it may hold a token; null once it is over.
  content bytea,
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  -- The next try, or the end of the lease of the one under way.
  due_at timestamptz not null default now(),
  -- How long the cause of a message that is over is remembered; null while it waits.
  expires_at timestamptz
);
create index outbox_due on outbox (due_at) where content is not null;
create index outbox_expires_at on outbox (expires_at) where expires_at is not null;

-- Secrets that serve once: what links in mail carry.
create table one_time_tokens (
  -- SHA-256, base64url: the token itself is never stored.
  hash text primary key,
  purpose text not null,
  -- Deferred: a request for an account that does not exist does the same work, and undoes it before the commit.
  account_id uuid not null references users (id) on delete cascade deferrable initially deferred,
  payload jsonb not null,
  expires_at timestamptz not null
);
create index one_time_tokens_account on one_time_tokens (account_id, purpose);
create index one_time_tokens_expires_at on one_time_tokens (expires_at);
