-- Up Migration

create table book_depths (
  market_id   text not null,
  captured_at timestamptz not null,
  depth       integer not null check (depth >= 0),
  primary key (market_id, captured_at)
);
comment on table book_depths is
  'From when on (receive time) how many levels a side of a market are in order_books; 0 and before the first row: all.';

alter table book_checkpoints add column depth integer not null default 0;
comment on column book_checkpoints.depth is
  'Levels a side that the rows after it speak of, 0 = all. The checkpoint itself is always the whole book.';

create function book_depth_at(market_id text, at timestamptz) returns integer
language sql stable as $$
  select coalesce((
    select d.depth from book_depths d
    where d.market_id = book_depth_at.market_id and d.captured_at <= book_depth_at.at
    order by d.captured_at desc limit 1), 0)
$$;
comment on function book_depth_at is
  'How many levels a side of a market are kept at an instant, 0 = all: a level beyond them may be there and not be known.';

-- Rows after a checkpoint are differences of what was kept, so its book is cut to that.
create or replace function book_base_at(
  outcome_id text, at timestamptz,
  out captured_at timestamptz, out sequence bigint, out source_ts timestamptz, out gap_sequence bigint,
  out bids jsonb, out asks jsonb)
language plpgsql stable as $$
#variable_conflict use_column
declare
  depth integer;
  snapshot record;
begin
  select c.captured_at, c.sequence, c.source_ts,
    case when c.resume ->> 'status' = 'gap' then coalesce((c.resume ->> 'gapSequence')::bigint, c.sequence) end,
    c.bids, c.asks, c.depth
  into captured_at, sequence, source_ts, gap_sequence, bids, asks, depth
  from book_checkpoints c
  where c.outcome_id = book_base_at.outcome_id and c.captured_at <= book_base_at.at
    and (c.resume ->> 'status' = 'following'
      or c.resume ->> 'status' = 'gap' and (c.bids <> '[]'::jsonb or c.asks <> '[]'::jsonb))
  order by c.captured_at desc, c.sequence desc limit 1;
  if depth > 0 then
    bids := jsonb_path_query_array(bids, '$[0 to $last]', jsonb_build_object('last', depth - 1));
    asks := jsonb_path_query_array(asks, '$[0 to $last]', jsonb_build_object('last', depth - 1));
  end if;
  select o.captured_at, o.sequence, o.source_ts into snapshot
  from order_books o
  where o.outcome_id = book_base_at.outcome_id and o.kind = 'snapshot' and o.id % 65536 = 0
    and o.captured_at >= coalesce(book_base_at.captured_at, '-infinity') and o.captured_at <= book_base_at.at
  order by o.captured_at desc, o.id desc limit 1;
  if snapshot.sequence > coalesce(book_base_at.sequence, 0) then
    captured_at := snapshot.captured_at;
    sequence := snapshot.sequence - 1;
    source_ts := snapshot.source_ts;
    gap_sequence := null;
    bids := '[]';
    asks := '[]';
  end if;
end
$$;

comment on function book_at is
  'The book of an outcome as of an instant, by receive time (captured_at <= at, nothing later): bids best first, then asks '
  'best first; the levels that were kept, see book_depth_at. sequence and captured_at are those of the newest event; state '
  'is as in book_state_at. No row: the book is empty or missing, book_state_at tells which.';
