-- postern: no transaction
-- A partial index has no statistics of its expression: the planner took `displayName eq "..."` for a common name, and looked
-- through all accounts in their order.
drop index concurrently if exists users_name_lower;
create index concurrently users_name_lower on users (lower(name));
drop index concurrently if exists users_name;
