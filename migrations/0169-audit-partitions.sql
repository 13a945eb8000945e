-- Audit events in partitions by month. What was one table becomes the first of them, without being read: a lock of
-- milliseconds.
-- lock: a table with the same name and columns takes its place in this transaction.
alter table audit_events rename to audit_events_before;
alter table audit_events_before drop constraint audit_events_pkey;
alter index audit_events_key rename to audit_events_before_pkey;
alter table audit_events_before add primary key using index audit_events_before_pkey;
alter index audit_events_at rename to audit_events_before_at;
alter index audit_events_subject rename to audit_events_before_subject;
alter index audit_events_ip rename to audit_events_before_ip;
alter index audit_events_request rename to audit_events_before_request;
alter index audit_events_puts_back rename to audit_events_before_puts_back;
alter index audit_events_kind rename to audit_events_before_kind;
alter index audit_events_client_kind rename to audit_events_before_client_kind;
alter index audit_events_actor_kind rename to audit_events_before_actor_kind;
drop trigger audit_events_append_only on audit_events_before;

create table audit_events (
  id uuid not null,
  at timestamptz not null default now(),
  type text not null,
  outcome text not null constraint audit_events_outcome_check check (outcome in ('success', 'failure')),
  -- The account it is about; kept when the account is deleted.
  subject uuid,
  actor_kind text not null,
  actor_id text,
  client_id text,
  door text not null,
  ip inet,
  user_agent text,
  request_id text,
  details jsonb not null default '{}',
  primary key (id, at)
) partition by range (at);
create index audit_events_at on audit_events (at desc);
create index audit_events_subject on audit_events (subject, at desc) where subject is not null;
create index audit_events_ip on audit_events (ip, at) where ip is not null;
create index audit_events_request on audit_events (request_id, at) where request_id is not null;
create index audit_events_puts_back on audit_events ((details ->> 'putsBack'), at) where details ->> 'putsBack' is not null;
create index audit_events_kind on audit_events (type, outcome, door, at);
create index audit_events_client_kind on audit_events (client_id, type, outcome, door, at) where client_id is not null;
create index audit_events_actor_kind on audit_events (actor_id, type, outcome, door, at) where actor_id is not null;

do $$
begin
  execute format('alter table audit_events attach partition audit_events_before for values from (minvalue) to (%L)',
    (select (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1]::timestamptz from pg_constraint
      where conrelid = 'audit_events_before'::regclass and conname = 'audit_events_range'));
end $$;
alter table audit_events_before drop constraint audit_events_range;

create table audit_events_default partition of audit_events default;
create trigger audit_events_append_only before update or delete on audit_events
  for each row execute function audit_events_are_append_only();
create trigger audit_events_not_truncated before truncate on audit_events
  for each statement execute function audit_events_are_append_only();
create trigger audit_events_not_truncated before truncate on audit_events_default
  for each statement execute function audit_events_are_append_only();

-- A new database has no events from before.
do $$
begin
  if not exists (select from audit_events_before) then
    drop table audit_events_before;
  end if;
end $$;
select partitions_ahead('audit_events', 'month', 3);

-- Deletes events from before a moment, the oldest first and at most so many, from all partitions or from one. Returns how many.
create function audit_purge_from(source regclass, before timestamptz, most integer) returns integer language plpgsql as $$
declare
  deleted integer;
begin
  perform set_config('postern.audit_purge', before::text, true);
  execute format('delete from %1$s where (id, at) in (
    select id, at from %1$s where at < $1 order by at limit $2 for update skip locked)', source) using before, most;
  get diagnostics deleted = row_count;
  perform set_config('postern.audit_purge', '', true);
  return deleted;
end $$;

create or replace function audit_purge(before timestamptz, most integer) returns integer language sql as $$
  select audit_purge_from('audit_events', before, most)
$$;

-- The same for events in partitions of no single month, which do not go as a whole.
create function audit_sweep(before timestamptz, most integer) returns integer language plpgsql as $$
declare
  part regclass;
  deleted integer := 0;
begin
  for part in select name from partitions_of('audit_events') where lower is null loop
    deleted := deleted + audit_purge_from(part, before, most - deleted);
  end loop;
  return deleted;
end $$;

-- As before (0060); the time finds the partition.
create or replace function audit_forget(account uuid) returns void language plpgsql as $$
declare
  pseudonym uuid := gen_random_uuid();
begin
  if exists (select from users where id = account) then
    raise exception 'the account % is not deleted', account;
  end if;
  perform set_config('postern.audit_forget', account::text, true);
  update audit_events e set
    subject = case when e.subject = account then pseudonym else e.subject end,
    actor_id = case when by.owner then pseudonym::text else e.actor_id end,
    ip = case when by.another then e.ip end,
    user_agent = case when by.another then e.user_agent end,
    request_id = case when by.another then e.request_id end,
    details = case when e.subject = account then (
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(e.details)
      where key in ('reason', 'method', 'amr', 'kind', 'roles', 'fields', 'matter')) else e.details end
  from (
    select id, at, is_owner as owner, not is_owner and actor_kind in ('user', 'operator', 'system') as another
    from (
      select id, at, actor_kind, actor_kind = 'user' and coalesce(actor_id = account::text, false) as is_owner
      from audit_events
      where subject = account or (actor_kind = 'user' and actor_id = account::text)
    ) as events
  ) as by
  where e.id = by.id and e.at = by.at;
  perform set_config('postern.audit_forget', '', true);
end $$;
