-- As 0167: what is there becomes one partition, which ends in a week or more. Constraints that are validated apart show that it
-- fits.
do $$
begin
  execute format('alter table contract_users add constraint contract_users_range check (day < %L) not valid',
    (select (date_trunc('month', greatest(now() at time zone 'UTC', max(day)) + interval '7 days') + interval '1 month')::date
      from contract_users));
  execute format('alter table daily_active add constraint daily_active_range check (day < %L) not valid',
    (select (date_trunc('day', greatest(now() at time zone 'UTC', max(day))) + interval '8 days')::date from daily_active));
end $$;
