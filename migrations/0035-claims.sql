-- When a request took a record that serves once to be answered with it. Null before, and once its reply was sent
-- (consumed_at) or could not be sent (it serves again). A claim that nobody settles ends by itself.
alter table oidc_records add column claimed_at timestamptz;
