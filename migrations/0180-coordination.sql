-- For databases without advisory locks and without LISTEN (DATABASE_COORDINATION=tables).
-- A name locks the row that it hashes to.
create table locks (slot integer primary key);
insert into locks select * from generate_series(0, 1023);

-- Every node reads the newest each second.
create table announcements (
  id uuid primary key default gen_random_uuid(),
  at timestamptz not null default now(),
  topic text not null,
  key text not null
);
create index announcements_at on announcements (at);
