-- postern: no transaction
-- What a client leaves when it is deleted. Built beside the nodes that run; a build that was broken off is begun again.
drop index concurrently if exists oidc_grants_client;
create index concurrently oidc_grants_client on oidc_grants (client_id);
drop index concurrently if exists login_requests_client;
create index concurrently login_requests_client on login_requests (client_id);
