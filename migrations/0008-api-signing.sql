-- What an API's JWT access tokens are signed with.
alter table apis add column signing_alg text not null default 'ES256'
  check (signing_alg in ('ES256', 'EdDSA', 'PS256', 'RS256'));
