-- postern: no transaction
-- Who is linked at a provider, the latest first. Built beside the nodes that run; a build that was broken off is begun again.
drop index concurrently if exists upstream_identities_linked;
create index concurrently upstream_identities_linked on upstream_identities (upstream, created_at, id);
