-- API keys of programs. The key itself is never stored: a readable prefix to know it by, and its hash.
create table api_keys (
  id uuid primary key,
  prefix text not null,
  hash text not null unique,
  name text not null,
  permissions text[] not null default '{}',
  -- Whose key it is; null for one that an operator made for a program.
  account_id uuid references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz
);
create index api_keys_account on api_keys (account_id) where account_id is not null;

-- Who still uses which contract door: by endpoint and day, and which accounts by door and day.
create table contract_usage (
  door text not null,
  operation text not null,
  day date not null,
  requests bigint not null,
  last_used_at timestamptz not null,
  primary key (door, operation, day)
);
create table contract_users (
  door text not null,
  operation text not null,
  day date not null,
  account_id uuid not null,
  primary key (door, operation, day, account_id)
);
