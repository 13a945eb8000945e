-- postern: no transaction
-- Any part of what a directory calls an account. Built beside the nodes that run; a build that was broken off is begun again.
drop index concurrently if exists directory_entries_user_name;
create index concurrently directory_entries_user_name on directory_entries using gin (lower(user_name) gin_trgm_ops);
