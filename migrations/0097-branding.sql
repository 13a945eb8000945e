-- The look and the texts of pages and mail, as operators changed them: every version by itself, so that a change is undone by
-- another one.
create table branding (
  version integer primary key,
  content jsonb not null,
  created_at timestamptz not null default now()
);
insert into branding (version, content) values (1, '{}');
