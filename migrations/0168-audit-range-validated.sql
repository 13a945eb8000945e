-- postern: no transaction
-- Reads all events, beside those that write.
alter table audit_events validate constraint audit_events_range;
