-- Clients that are a document at the URL which is their id (OAuth Client ID Metadata Document): what is kept of the fetch.
create table client_documents (
  client_id text primary key references clients (id) on delete cascade,
  host text not null,
  -- Of the last reply that was good.
  fetched_at timestamptz not null,
  -- Until then it is not fetched again.
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index client_documents_host on client_documents (host, created_at);

-- Those that nobody vouched for go when nobody uses them.
create index clients_unvouched on clients (coalesce(last_used_at, created_at))
  where metadata ->> 'registration' in ('open', 'document');
