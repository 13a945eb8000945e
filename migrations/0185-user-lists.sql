-- postern: no transaction
-- Accounts that are suspended, in each order of the list, and those whose address is proven or not. Built beside the nodes that
-- run; a build that was broken off is begun again.
drop index concurrently if exists users_suspended_created_at;
create index concurrently users_suspended_created_at on users (created_at, id) where status = 'suspended';
drop index concurrently if exists users_suspended_last_login_at;
create index concurrently users_suspended_last_login_at on users (coalesce(last_login_at, '-infinity'::timestamptz), id)
  where status = 'suspended';
drop index concurrently if exists users_suspended_email;
create index concurrently users_suspended_email on users (email_key, id) where status = 'suspended';
drop index concurrently if exists users_suspended_number;
create index concurrently users_suspended_number on users (number, id) where status = 'suspended';
drop index concurrently if exists users_unverified;
create index concurrently users_unverified on users (created_at, id) where email_verified_at is null;
drop index concurrently if exists users_verified;
create index concurrently users_verified on users (created_at, id) where email_verified_at is not null;
