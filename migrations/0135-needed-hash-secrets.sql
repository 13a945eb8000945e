-- When a hash last needed these secrets: what nothing needs any more is swept.
alter table password_hash_secrets add column needed_at timestamptz not null default now();
