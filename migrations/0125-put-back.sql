-- postern: no transaction
-- Events that took the change of another one back, by that one. Built without locking out writers; a build that was broken
-- off is begun again.
drop index concurrently if exists audit_events_puts_back;
create index concurrently audit_events_puts_back on audit_events ((details ->> 'putsBack'), at)
  where details ->> 'putsBack' is not null;
