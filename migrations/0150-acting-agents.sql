-- What agents do for people: when they last got a token, and what those of them have that come by token exchange.
create table acting_agents (
  account_id uuid not null references users (id) on delete cascade,
  client_id text not null references clients (id) on delete cascade,
  -- Named by the tokens that it got by exchange, which end with it; null of one that has none of these.
  delegation text,
  -- What it got by exchange: scopes by API.
  resource_scopes jsonb not null default '{}',
  last_used_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- When its person ended it: what was granted before then is no ground for another token.
  ended_at timestamptz,
  primary key (account_id, client_id)
);
create index acting_agents_client on acting_agents (client_id);
