-- Goes up with everything that changes how an account is opened, or that signs it out: what was begun before has ended.
alter table users add column security_version integer not null default 0;

-- Steps that browsers carry sealed (logins under way, links that make an account) and that were used: none serves twice.
create table used_steps (
  id text primary key,
  -- When the step itself would have ended.
  expires_at timestamptz not null
);
create index used_steps_expires_at on used_steps (expires_at);
