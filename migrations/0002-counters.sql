-- Counters with an end (rate limits, the lockout) where there is no Redis. Unlogged: they are written often, and a
-- crash of the database may reset them. The columns are those that rate-limiter-flexible expects, in its order.
create unlogged table counters (
  key text primary key,
  points integer not null default 0,
  -- Milliseconds since the epoch.
  expire bigint
);
create index counters_expire on counters (expire);

-- Where an account was signed in from of late: such sources are spared by the lock on the account.
create table sign_in_sources (
  account_id uuid not null references users (id) on delete cascade,
  -- An IPv4 address or the /64 of an IPv6 address.
  source text not null,
  last_at timestamptz not null,
  primary key (account_id, source)
);
