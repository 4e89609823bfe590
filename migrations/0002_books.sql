-- Up Migration

-- Eight-byte columns first: no padding between them, so that a depth row stays near 100 bytes.
-- The primary key of a partitioned table must contain the partition column. (outcome_id, captured_at, id) is the order
-- in which a book is read, and id is derived from the sequence, so a row that were written twice would collide.
create table order_books (
  id                 bigint not null,
  sequence           bigint not null,
  captured_at        timestamptz not null,
  source_ts          timestamptz,
  source_received_at timestamptz,
  price              numeric(18, 6) not null,
  size               numeric(24, 6) not null,
  market_id          text not null,
  outcome_id         text not null,
  side               text not null check (side in ('bid', 'ask')),
  kind               text not null check (kind in ('snapshot', 'change', 'gap')),
  primary key (outcome_id, captured_at, id)
) partition by range (captured_at);
comment on table order_books is
  'Every change of every recorded book. A snapshot''s rows share one sequence and replace the book; a change of size 0 '
  'removes its level; an empty snapshot and a gap are one row (bid, price 0, size 0).';
comment on column order_books.id is 'sequence * 65536 + position of the row within its event: unique per outcome.';
comment on column order_books.sequence is
  'Dense per outcome over the events that write rows, continued across restarts: n+2 after n means one was missed.';
comment on column order_books.captured_at is 'Receive clock of the feed (UTC), never below the outcome''s previous one.';
comment on column order_books.source_ts is 'The venue''s timestamp; null on gap rows.';
comment on column order_books.source_received_at is 'Only for replays: the receive time that the file states.';

create function ensure_order_books_partition(day date) returns text language plpgsql as $$
declare
  name text := 'order_books_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(name) is not null then
    return null;
  end if;
  execute format(
    'create table %I partition of order_books for values from (%L) to (%L)',
    name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  return name;
end
$$;
comment on function ensure_order_books_partition is
  'Makes the partition of one UTC day; its name, or null where it was there. Call with a lock_timeout.';

create table quotes_live (
  market_id  text primary key,
  bid_price  numeric(18, 6),
  bid_size   numeric(24, 6),
  ask_price  numeric(18, 6),
  ask_size   numeric(24, 6),
  sequence   bigint not null,
  state      text not null,
  source_ts  timestamptz,
  updated_at timestamptz not null
) with (fillfactor = 50);
comment on table quotes_live is 'Best bid and ask of each market''s first outcome, null where a side is empty.';
comment on column quotes_live.state is
  'live: the book follows the venue; unverified: a gap is open, the quote may be wrong; paused; stopped; starting.';

create table ingestion_offsets (
  stream     text primary key,
  last_id    text not null,
  sequence   bigint not null,
  writer     text not null,
  progress   jsonb not null,
  updated_at timestamptz not null
) with (fillfactor = 50);
comment on table ingestion_offsets is
  'How far each Redis Stream was committed, in the same transaction as its rows. An update demands the expected last_id.';
comment on column ingestion_offsets.sequence is 'Sum of the sequences of the stream''s outcomes.';
comment on column ingestion_offsets.writer is '<shard>:<owner epoch> of the normalizer that committed it.';
comment on column ingestion_offsets.progress is
  'epoch and ordinal last applied, and sequence, captured_at (ms) and status of each outcome: what a restart continues.';

create table normalizer_owners (
  shard      integer primary key,
  epoch      bigint not null,
  host       text not null,
  started_at timestamptz not null
);
comment on table normalizer_owners is
  'The newest owner of each shard. Every commit demands that its epoch is still the one here; an older copy stops.';

create table book_checkpoints (
  outcome_id       text not null,
  sequence         bigint not null,
  market_id        text not null,
  stream_id        text not null,
  epoch            text not null,
  ordinal          bigint not null,
  captured_at      timestamptz not null,
  source_ts        timestamptz,
  last_trade_price text,
  tick_size        text not null,
  hash             text,
  bids             jsonb not null,
  asks             jsonb not null,
  resume           jsonb not null,
  primary key (outcome_id, sequence)
);
comment on table book_checkpoints is
  'Whole books at a position of their stream, level texts as received. A restart loads the newest and re-applies the '
  'stream from stream_id on.';
comment on column book_checkpoints.resume is
  'What re-applying needs besides the book: venue time of its last snapshot, and the newest changes.';
comment on column book_checkpoints.bids is '[[price, size], …] as text, best first; an empty side is [].';
create index book_checkpoints_market on book_checkpoints (market_id, outcome_id, sequence desc);
