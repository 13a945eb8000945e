-- Events stay as they were written, but for two things: they go when their time is over, and what leads from them to a
-- person goes with the account. Each is done by a function, which the trigger lets do that and nothing else.
create index audit_events_actor on audit_events (actor_id) where actor_kind = 'user';

drop trigger audit_events_append_only on audit_events;

create or replace function audit_events_are_append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.at < nullif(current_setting('postern.audit_purge', true), '')::timestamptz then
    return old;
  end if;
  if tg_op = 'UPDATE'
    and current_setting('postern.audit_forget', true) in (old.subject::text, old.actor_id)
    and (new.id, new.at, new.type, new.outcome, new.actor_kind, new.client_id, new.door)
      is not distinct from (old.id, old.at, old.type, old.outcome, old.actor_kind, old.client_id, old.door)
  then
    return new;
  end if;
  raise exception 'audit events are append-only';
end $$;

create trigger audit_events_append_only before update or delete on audit_events
  for each row execute function audit_events_are_append_only();
create trigger audit_events_not_truncated before truncate on audit_events
  for each statement execute function audit_events_are_append_only();

-- Deletes events from before a moment, the oldest first and at most so many. Returns how many.
create function audit_purge(before timestamptz, most integer) returns integer language plpgsql as $$
declare
  deleted integer;
begin
  perform set_config('postern.audit_purge', before::text, true);
  delete from audit_events where id in (
    select id from audit_events where at < before order by at limit most for update skip locked);
  get diagnostics deleted = row_count;
  perform set_config('postern.audit_purge', '', true);
  return deleted;
end $$;

-- Gives a deleted account's events a pseudonym of their own in place of its id, and takes off them where its owner was, by
-- what, and every detail that is not among those named here. What somebody else did to it keeps where they were.
create function audit_forget(account uuid) returns void language plpgsql as $$
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
    select id, is_owner as owner, not is_owner and actor_kind in ('user', 'operator', 'system') as another
    from (
      select id, actor_kind, actor_kind = 'user' and coalesce(actor_id = account::text, false) as is_owner
      from audit_events
      where subject = account or (actor_kind = 'user' and actor_id = account::text)
    ) as events
  ) as by
  where e.id = by.id;
  perform set_config('postern.audit_forget', '', true);
end $$;

-- Accounts that were deleted before there was this.
select audit_forget(id) from (
  select subject as id from audit_events
  union
  select actor_id::uuid from audit_events where actor_kind = 'user' and actor_id ~ '^[0-9a-f-]{36}$'
) as known
where id is not null and not exists (select from users where users.id = known.id);
