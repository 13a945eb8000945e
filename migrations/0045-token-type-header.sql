-- The `typ` of an API's JWT access tokens: `at+jwt` (RFC 9068), or `jwt` for resource servers that refuse it.
alter table apis add column token_type_header text not null default 'at+jwt'
  check (token_type_header in ('at+jwt', 'jwt'));
