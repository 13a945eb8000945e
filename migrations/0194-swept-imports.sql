-- postern: no transaction
-- The sweeper finds by these what has expired of another service's tokens and accounts.
drop index concurrently if exists old_refresh_tokens_expiry;
create index concurrently old_refresh_tokens_expiry on old_refresh_tokens (expires_at);
drop index concurrently if exists departed_accounts_departure;
create index concurrently departed_accounts_departure on departed_accounts (departed_at);
