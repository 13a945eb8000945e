-- postern: no transaction
-- Reads all rows, beside those that write.
alter table contract_users validate constraint contract_users_range;
alter table daily_active validate constraint daily_active_range;
