-- postern: no transaction
-- Built beside the nodes that run: `create index concurrently` holds nobody up. What a process left that ended is built anew.
drop index concurrently if exists users_external_id;
create unique index concurrently users_external_id on users (external_id) where external_id is not null;
-- `displayName eq "..."` of a directory.
drop index concurrently if exists users_name;
create index concurrently users_name on users (lower(name)) where name is not null;
