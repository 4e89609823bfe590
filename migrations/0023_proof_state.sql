-- Up Migration

comment on column book_proofs.state is
  'verified: each batch hashes to what the venue says; unverifiable: an input of the hash is missing or unknown, a check was '
  'shed, or the last batch ended wrong.';
