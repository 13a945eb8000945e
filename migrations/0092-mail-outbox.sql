-- What operators may see of mail that waits or failed: never its content, which may hold a token.
alter table outbox
  -- The kind of message, and where it goes; null once it is over.
  add column template text,
  add column address text,
  -- Why the last attempt failed.
  add column error text,
  -- When it was given up. Its content stays until it expires, so that it can be sent again; it is never due.
  add column failed_at timestamptz;
create index outbox_mail on outbox (created_at, id) where kind = 'mail' and content is not null;

-- The sentences of mail that an operator wrote anew, by language and key: one document.
create table mail_texts (
  id text primary key,
  texts jsonb not null default '{}',
  version integer not null default 1
);
insert into mail_texts (id) values ('mail');
create trigger mail_texts_version before update on mail_texts for each row execute function next_version();
