-- Accounts also come by a token of their old service. Old rows hold already.
alter table imported_accounts drop constraint imported_accounts_way_check;
alter table imported_accounts add constraint imported_accounts_way_check
  check (way in ('import', 'login', 'token')) not valid;

-- Accounts of other services that are deleted here: their tokens, which live on, must not bring them back.
create table departed_accounts (
  source text not null,
  source_id text not null,
  departed_at timestamptz not null default now(),
  primary key (source, source_id)
);
create function note_departed_account() returns trigger language plpgsql as $$
begin
  insert into departed_accounts (source, source_id) values (old.source, old.source_id)
  on conflict (source, source_id) do update set departed_at = excluded.departed_at;
  return null;
end $$;
create trigger imported_accounts_departed after delete on imported_accounts
  for each row execute function note_departed_account();
