-- Where the claim of a code came from: the same request sent twice is told from another one's.
alter table oidc_records add column claimed_from text;
