-- Providers that people sign in with are changed and switched off as well as made and deleted.
alter table upstreams
  add column enabled boolean not null default true,
  add column version integer not null default 1,
  add column updated_at timestamptz not null default now();
create trigger upstreams_version before update on upstreams for each row execute function next_version();

create index api_keys_created_at on api_keys (created_at, id);

-- Contracts that were opened or closed at run time; the others are as the configuration has them.
create table contract_states (
  name text primary key,
  open boolean not null,
  version integer not null default 1,
  updated_at timestamptz not null default now()
);
create trigger contract_states_version before update on contract_states
  for each row execute function next_version();

-- Who calls the contracts: programs (kind `client`) and addresses. Bounded for each contract and day: what is beyond that is
-- counted with an empty caller.
create table contract_callers (
  door text not null,
  day date not null,
  kind text not null,
  caller text not null,
  requests bigint not null,
  last_used_at timestamptz not null,
  primary key (door, day, kind, caller)
);
create index contract_callers_day on contract_callers (day);

-- Settings that were changed at run time, over those of the configuration: one row.
create table runtime_settings (
  id boolean primary key default true check (id),
  settings jsonb not null default '{}',
  version integer not null default 1,
  updated_at timestamptz not null default now()
);
create trigger runtime_settings_version before update on runtime_settings
  for each row execute function next_version();
insert into runtime_settings default values;

-- What happened on each day, counted.
create table daily_stats (
  day date not null,
  metric text not null,
  count bigint not null,
  primary key (day, metric)
);
-- Who signed in today, so that each is counted once; yesterday's rows are deleted.
create table daily_active (
  account_id uuid not null references users (id) on delete cascade,
  day date not null,
  primary key (account_id, day)
);
create index daily_active_day on daily_active (day);
