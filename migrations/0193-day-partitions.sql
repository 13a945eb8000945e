-- Who used a contract, by month, and who signed in, by day. What was one table becomes the first partition, without being read.
-- No foreign keys: with one, every new partition would lock out writers of accounts, every dropped one readers, too. A trigger
-- deletes the rows of an account instead.
-- lock: a table with the same name and columns takes its place in this transaction.
alter table contract_users rename to contract_users_before;
alter table contract_users_before drop constraint contract_users_account_id_fkey;
alter index contract_users_pkey rename to contract_users_before_pkey;
alter index contract_users_account_door rename to contract_users_before_account_door;
alter index contract_users_day rename to contract_users_before_day;
create table contract_users (
  door text not null,
  operation text not null,
  day date not null,
  account_id uuid not null,
  primary key (door, operation, day, account_id)
) partition by range (day);
create index contract_users_account_door on contract_users (account_id, door);

-- lock: as above.
alter table daily_active rename to daily_active_before;
alter table daily_active_before drop constraint daily_active_account_id_fkey;
alter index daily_active_pkey rename to daily_active_before_pkey;
alter index daily_active_day rename to daily_active_before_day;
create table daily_active (
  account_id uuid not null,
  day date not null,
  primary key (account_id, day)
) partition by range (day);

do $$
declare
  parent text;
begin
  foreach parent in array array['contract_users', 'daily_active'] loop
    execute format('alter table %1$I attach partition %2$I for values from (minvalue) to (%3$L)', parent, parent || '_before',
      (select (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1]::date from pg_constraint
        where conrelid = (parent || '_before')::regclass and conname = parent || '_range'));
    execute format('alter table %I drop constraint %I', parent || '_before', parent || '_range');
    execute format('create table %I partition of %I default', parent || '_default', parent);
  end loop;
  -- A new database has no rows from before.
  if not exists (select from contract_users_before) then
    drop table contract_users_before;
  end if;
  if not exists (select from daily_active_before) then
    drop table daily_active_before;
  end if;
end $$;
select partitions_ahead('contract_users', 'month', 2), partitions_ahead('daily_active', 'day', 3);

create function forget_days_of_account() returns trigger language plpgsql as $$
begin
  delete from contract_users where account_id = old.id;
  delete from daily_active where account_id = old.id;
  return null;
end $$;
create trigger users_days_forgotten after delete on users for each row execute function forget_days_of_account();
