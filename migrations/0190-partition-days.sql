-- Partitions by ranges of dates: bounds are days of UTC, whatever the session's time zone.
alter function partitions_of(regclass) set timezone = 'UTC';
alter function partition_add(regclass, timestamptz, timestamptz) set timezone = 'UTC';

-- Deletes rows from before a moment, in partitions of no single range, which do not go as a whole: at most so many, and none that
-- somebody is using. Returns how many.
create function partitions_sweep(parent regclass, before timestamptz, most integer) returns integer
language plpgsql set timezone = 'UTC' as $$
declare
  key name;
  part regclass;
  gone integer;
  deleted integer := 0;
begin
  select attname into strict key from pg_partitioned_table join pg_attribute on attrelid = partrelid and attnum = partattrs[0]
    where partrelid = parent;
  for part in select name from partitions_of(parent) where lower is null loop
    execute format('delete from %1$s where ctid = any(array(
      select ctid from %1$s where %2$I < $1 order by %2$I limit $2 for update skip locked))', part, key)
      using before, most - deleted;
    get diagnostics gone = row_count;
    deleted := deleted + gone;
  end loop;
  return deleted;
end $$;
