-- postern: no transaction
-- Each filter of the audit finds its events by an index in the order of time. Built without locking out writers; a build
-- that was broken off is begun again.
drop index concurrently if exists audit_events_type;
create index concurrently audit_events_type on audit_events (type, at);
drop index concurrently if exists audit_events_noun;
create index concurrently audit_events_noun on audit_events (split_part(type, '.', 1), at);
drop index concurrently if exists audit_events_failure;
create index concurrently audit_events_failure on audit_events (at) where outcome = 'failure';
drop index concurrently if exists audit_events_by;
create index concurrently audit_events_by on audit_events (actor_id, at) where actor_id is not null;
drop index concurrently if exists audit_events_client;
create index concurrently audit_events_client on audit_events (client_id, at) where client_id is not null;
drop index concurrently if exists audit_events_door;
create index concurrently audit_events_door on audit_events (door, at);
drop index concurrently if exists audit_events_ip;
create index concurrently audit_events_ip on audit_events (ip, at) where ip is not null;
drop index concurrently if exists audit_events_request;
create index concurrently audit_events_request on audit_events (request_id, at) where request_id is not null;
-- The one by actor and time takes its place.
drop index concurrently if exists audit_events_actor;
