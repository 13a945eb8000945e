-- postern: no transaction
-- The kind of an event is its type, outcome and door: some hundreds of them. Indexes by kind and time find the events of several
-- filters at once. They take the place of those by one column. All without locking out writers.
drop index concurrently if exists audit_events_key;
create unique index concurrently audit_events_key on audit_events (id, at);
drop index concurrently if exists audit_events_kind;
create index concurrently audit_events_kind on audit_events (type, outcome, door, at);
drop index concurrently if exists audit_events_client_kind;
create index concurrently audit_events_client_kind on audit_events (client_id, type, outcome, door, at)
  where client_id is not null;
drop index concurrently if exists audit_events_actor_kind;
create index concurrently audit_events_actor_kind on audit_events (actor_id, type, outcome, door, at)
  where actor_id is not null;
drop index concurrently if exists audit_events_type;
drop index concurrently if exists audit_events_noun;
drop index concurrently if exists audit_events_failure;
drop index concurrently if exists audit_events_door;
drop index concurrently if exists audit_events_client;
drop index concurrently if exists audit_events_by;
