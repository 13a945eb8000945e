-- The events so far become one partition, which ends with a month. A constraint that is validated apart shows that they fit, so
-- that nobody waits while they are read. For a week or more nothing is written after that end.
do $$
begin
  execute format('alter table audit_events add constraint audit_events_range check (at < %L) not valid',
    (select (date_trunc('month', greatest(now(), max(at)) at time zone 'UTC' + interval '7 days') + interval '1 month')
      at time zone 'UTC' from audit_events));
end $$;
