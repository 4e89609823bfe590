-- Up Migration

alter table dead_letters add column result_detail text;
comment on column dead_letters.result_detail is 'What exactly came of it: the row it became, or why it was refused again.';
comment on column dead_letters.reprocessed_at is 'When the result was committed; null while it was never fed through again.';
comment on column dead_letters.ordinal is
  'Ordinal of the frame within its epoch; 0 where the entry itself was bad; negative for a row that Postgres refused.';
