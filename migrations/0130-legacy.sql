-- How an account came: by an import, or by its first login here while its old service answered for it.
alter table imported_accounts add column way text not null default 'import' check (way in ('import', 'login'));
