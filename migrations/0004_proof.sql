-- Up Migration

alter table feed_gaps add column detected_at timestamptz;
update feed_gaps set detected_at = opened_at;
alter table feed_gaps alter column detected_at set not null;
alter table feed_gaps add column nothing_missed boolean not null default false;
comment on column feed_gaps.opened_at is
  'Receive time of the newest frame known to be good: every frame that was lost lies within [opened_at, closed_at].';
comment on column feed_gaps.detected_at is 'Receive time of the frame that showed the loss.';
comment on column feed_gaps.nothing_missed is
  'The hash of the book that ended the gap equals the last proved one: no update of the book was lost.';
create index feed_gaps_market on feed_gaps (market_id, opened_at);

alter table quotes_live add column verified_sequence bigint;
comment on column quotes_live.verified_sequence is
  'Newest sequence at which the book hashed to what the venue says; equal to sequence: this very quote is proved.';

create table book_proofs (
  outcome_id  text not null,
  captured_at timestamptz not null,
  sequence    bigint not null,
  state       text not null check (state in ('verified', 'unverifiable')),
  primary key (outcome_id, captured_at)
);
comment on table book_proofs is
  'Where the proof of an outcome''s book changes its state, by receive time; before the first row: unverifiable.';
comment on column book_proofs.state is
  'verified: each batch hashes to what the venue says; unverifiable: an input of the hash is missing or unknown.';

create table market_hours (
  market_id            text not null,
  hour                 timestamptz not null,
  events               bigint not null,
  batches_verified     bigint not null,
  batches_unverifiable bigint not null,
  batches_mismatched   bigint not null,
  primary key (market_id, hour)
);
comment on table market_hours is
  'What was recorded of a market in each past hour (UTC, receive time); the present hour is in ingestion_offsets.progress.';
comment on column market_hours.events is 'Frames that were applied.';

alter table dead_letters add column reprocessed_at timestamptz;
alter table dead_letters add column result text;
comment on column dead_letters.result is 'What came of feeding it through the pipeline again: applied, stale or rejected.';

-- The document `resume` of a checkpoint holds the state of the proof from here on: older ones cannot be continued.
delete from book_checkpoints;
