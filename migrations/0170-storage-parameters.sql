-- Vacuum comes by a share of a table's rows: the server's own, a fifth, is millions of dead rows in a table of tokens. Tables whose
-- rows change in place keep room in their pages, so that a change touches no index (HOT). docs/scale.md has what that saves.
-- lock: only the settings change; readers and writers go on.
alter table oidc_records set (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.05);
-- lock: as above.
alter table oidc_grants set (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- lock: as above.
alter table users set (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
-- lock: as above.
alter table sign_in_sources set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- Queues: few rows at a time, each of which is written several times.
-- lock: as above.
alter table outbox set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
-- lock: as above.
alter table webhook_deliveries set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- lock: as above.
alter table webhooks set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
-- Counters where there is no Redis: small, and written by every request that is limited.
-- lock: as above.
alter table counters set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
-- lock: as above.
alter table unanswered set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
-- lock: as above.
alter table revocation_marks set (autovacuum_vacuum_scale_factor = 0.02);
-- lock: as above.
alter table daily_stats set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
-- lock: as above.
alter table contract_usage set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
