-- Tables partitioned by ranges of time, [lower, upper), in UTC. A default partition takes what no range does, and its storage
-- parameters are those of every new partition. Only the owner of a table can make or drop its partitions.

-- The partitions of a table. An open end is null; the default partition has neither.
create function partitions_of(parent regclass) returns table (name regclass, lower timestamptz, upper timestamptz)
language sql stable as $$
  select inhrelid::regclass,
    (regexp_match(bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
    (regexp_match(bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz
  from pg_inherits join pg_class on pg_class.oid = inhrelid, pg_get_expr(relpartbound, pg_class.oid) as bound
  where inhparent = parent
$$;

-- Makes the partition of a range, with the parent's indexes and triggers. Returns false where a part of the range has a
-- partition already, or the default partition has rows of it: those stay there.
create function partition_add(parent regclass, first timestamptz, last timestamptz) returns boolean
language plpgsql set lock_timeout = '2s' as $$
declare
  schema name;
  part name;
  key name;
  spare regclass;
  options text;
  strays boolean;
  definition text;
begin
  if exists (select from partitions_of(parent) p where coalesce(p.lower, '-infinity') < last and p.upper > first) then
    return false;
  end if;
  execute format('lock table only %s in share update exclusive mode', parent);
  if exists (select from partitions_of(parent) p where coalesce(p.lower, '-infinity') < last and p.upper > first) then
    return false;
  end if;
  select nspname, relname || to_char(first at time zone 'UTC', '_YYYYMMDD'), attname, partdefid
    into strict schema, part, key, spare
    from pg_partitioned_table join pg_class on pg_class.oid = partrelid
      join pg_namespace on pg_namespace.oid = relnamespace
      join pg_attribute on attrelid = partrelid and attnum = partattrs[0]
    where partrelid = parent;
  if spare <> 0 then
    execute format('select exists (select from %s where %I >= $1 and %2$I < $2)', spare, key)
      into strays using first, last;
    if strays then
      return false;
    end if;
    select 'with (' || array_to_string(reloptions, ', ') || ')' into options from pg_class where oid = spare;
  end if;
  execute format('create table %I.%I (like %s including all excluding identity excluding indexes excluding statistics) %s', schema, part,
    parent, options);
  execute format('alter table %s attach partition %I.%I for values from (%L) to (%L)', parent, schema, part, first, last);
  -- Those for each row come with the attaching.
  for definition in
    select pg_get_triggerdef(oid) from pg_trigger where tgrelid = parent and not tgisinternal and tgtype & 1 = 0
  loop
    execute regexp_replace(definition, ' ON \S+ ', format(' ON %I.%I ', schema, part));
  end loop;
  return true;
end $$;

-- Makes the partitions of the period (day, week or month) that a moment is in, and of so many after it. Returns how many are new.
create function partitions_ahead(parent regclass, period text, ahead integer, moment timestamptz default now())
returns integer language plpgsql as $$
declare
  start timestamp := date_trunc(period, moment at time zone 'UTC');
  step interval := '1 ' || period;
  added integer := 0;
begin
  for n in 0..ahead loop
    if partition_add(parent, (start + n * step) at time zone 'UTC', (start + (n + 1) * step) at time zone 'UTC') then
      added := added + 1;
    end if;
  end loop;
  return added;
end $$;

-- Drops the partitions whose whole range is before a moment. Returns how many rows they had.
create function partitions_drop(parent regclass, before timestamptz) returns bigint
language plpgsql set lock_timeout = '2s' as $$
declare
  part regclass;
  had bigint;
  dropped bigint := 0;
begin
  if not exists (select from partitions_of(parent) where upper <= before) then
    return 0;
  end if;
  execute format('lock table only %s in share update exclusive mode', parent);
  for part in select name from partitions_of(parent) where upper <= before order by upper loop
    execute format('select count(*) from %s', part) into had;
    execute format('drop table %s', part);
    dropped := dropped + had;
  end loop;
  return dropped;
end $$;
