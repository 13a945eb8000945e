-- Steps of the first minutes that only a person knows of: the keys are backed up, the doors were looked at. `over`: the list
-- of them is not shown any more.
create table first_steps (
  step text primary key check (step in ('key_backup', 'doors', 'over')),
  done_at timestamptz not null default now()
);
