-- postern: no transaction
-- Accounts whose deletion is due, and the list of all sessions. A build that was broken off is begun again.
drop index concurrently if exists users_deletes_at;
create index concurrently users_deletes_at on users (deletes_at) where deletes_at is not null;
drop index concurrently if exists oidc_records_sessions;
create index concurrently oidc_records_sessions on oidc_records (created_at, uid)
  where model = 'Session' and uid is not null;
