-- Up Migration

create index book_checkpoints_at on book_checkpoints (outcome_id, captured_at, sequence);
create index feed_gaps_outcome on feed_gaps (outcome_id, opened_at);
-- One entry a snapshot: its first row.
create index order_books_snapshots on order_books (outcome_id, captured_at, id)
  where kind = 'snapshot' and id % 65536 = 0;

-- Only checkpoints whose book is the one that the rows add up to. None is there while a tape waits for its first book; a
-- tape that lost its book checkpoints an empty one within its gap. A midnight checkpoint within a gap is taken, so that
-- each day's partition stands alone.
create function book_base_at(
  outcome_id text, at timestamptz,
  out captured_at timestamptz, out sequence bigint, out source_ts timestamptz, out gap_sequence bigint,
  out bids jsonb, out asks jsonb)
language plpgsql stable as $$
#variable_conflict use_column
declare
  snapshot record;
begin
  select c.captured_at, c.sequence, c.source_ts,
    case when c.resume ->> 'status' = 'gap' then coalesce((c.resume ->> 'gapSequence')::bigint, c.sequence) end,
    c.bids, c.asks
  into captured_at, sequence, source_ts, gap_sequence, bids, asks
  from book_checkpoints c
  where c.outcome_id = book_base_at.outcome_id and c.captured_at <= book_base_at.at
    and (c.resume ->> 'status' = 'following'
      or c.resume ->> 'status' = 'gap' and (c.bids <> '[]'::jsonb or c.asks <> '[]'::jsonb))
  order by c.captured_at desc, c.sequence desc limit 1;
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
comment on function book_base_at is
  'Where a rebuild of an outcome''s book starts: the newest usable checkpoint, or the newest snapshot where that is newer '
  '(as an empty book just before it); nulls before both. gap_sequence: of the gap that was open at the checkpoint.';

create function book_quality_at(outcome_id text, at timestamptz, gap_sequence bigint) returns text
language plpgsql stable as $$
#variable_conflict use_column
begin
  if book_quality_at.gap_sequence is not null and not exists (
    select from feed_gaps g
    where g.outcome_id = book_quality_at.outcome_id and g.gap_sequence = book_quality_at.gap_sequence and g.nothing_missed)
  then
    return 'in_gap';
  end if;
  if exists (
    select from feed_gaps g
    where g.outcome_id = book_quality_at.outcome_id and g.opened_at <= book_quality_at.at
      and (g.closed_at > book_quality_at.at or g.closed_at is null) and not g.nothing_missed)
  then
    return 'in_gap';
  end if;
  return coalesce((
    select case p.state when 'verified' then 'verified' else 'unverified' end from book_proofs p
    where p.outcome_id = book_quality_at.outcome_id and p.captured_at <= book_quality_at.at
    order by p.captured_at desc limit 1), 'unverified');
end
$$;
comment on function book_quality_at is
  'verified, unverified or in_gap: what is known today of the book at that instant. gap_sequence: of the gap mark that is '
  'the newest event, else null.';

create function book_state_at(outcome_id text, at timestamptz)
returns table (state text, sequence bigint, captured_at timestamptz, source_ts timestamptz)
language plpgsql stable rows 1 set jit = off as $$
#variable_conflict use_column
declare
  base record;
  newest record;
  first_sequence bigint;
begin
  select * into base from book_base_at(book_state_at.outcome_id, book_state_at.at);
  if base.sequence is null then
    return query select 'missing', null::bigint, null::timestamptz, null::timestamptz;
    return;
  end if;
  select o.sequence, o.captured_at, o.source_ts, case o.kind when 'gap' then o.sequence end as gap_sequence into newest
  from order_books o
  where o.outcome_id = book_state_at.outcome_id and o.captured_at >= base.captured_at
    and o.captured_at <= book_state_at.at and o.sequence > base.sequence
  order by o.captured_at desc, o.id desc limit 1;
  if not found then
    newest := base;
  end if;
  select o.sequence into first_sequence
  from order_books o
  where o.outcome_id = book_state_at.outcome_id and o.captured_at >= base.captured_at
    and o.captured_at <= book_state_at.at and o.sequence > base.sequence
  order by o.captured_at, o.id limit 1;
  return query select
    case
      when first_sequence > base.sequence + 1 then 'in_gap'
      else book_quality_at(book_state_at.outcome_id, book_state_at.at, newest.gap_sequence)
    end, newest.sequence, newest.captured_at, newest.source_ts;
end
$$;
comment on function book_state_at is
  'One row always, also for an empty book. state: missing before the first snapshot, in_gap while the book may be '
  'incomplete (also where rows after the checkpoint are no longer there), verified where the venue''s hash proved it, else '
  'unverified. The rest is of the newest event.';

-- effective_io_concurrency: the rows of an outcome lie on as many pages; handing 200 cached pages to I/O workers takes
-- longer than copying them (measured: half the time at p50 and p95 without).
create function book_at(outcome_id text, at timestamptz)
returns table (side text, price numeric, size numeric, sequence bigint, captured_at timestamptz, state text)
language plpgsql stable rows 50 set jit = off set effective_io_concurrency = 0 as $$
#variable_conflict use_column
declare
  base record;
begin
  select * into base from book_base_at(book_at.outcome_id, book_at.at);
  if base.sequence is null then
    return;
  end if;
  return query
  with events as materialized (
    select o.id, o.sequence, o.captured_at, o.side, o.price, o.size, o.kind from order_books o
    where o.outcome_id = book_at.outcome_id and o.captured_at >= base.captured_at and o.captured_at <= book_at.at
      and o.sequence > base.sequence
  ), newest as (
    select n.sequence, n.captured_at, n.gap_sequence from (
      select e.id, e.sequence, e.captured_at, case e.kind when 'gap' then e.sequence end as gap_sequence from events e
      union all
      select -1, base.sequence, base.captured_at, base.gap_sequence
    ) n order by n.id desc limit 1
  ), standing as materialized (
    select n.sequence, n.captured_at,
      case
        when (select min(e.sequence) from events e) > base.sequence + 1 then 'in_gap'
        else book_quality_at(book_at.outcome_id, book_at.at, n.gap_sequence)
      end as state
    from newest n
  ), written as (
    select -1::bigint as id, 'bid' as side, (level ->> 0)::numeric(18, 6) as price, (level ->> 1)::numeric(24, 6) as size
    from jsonb_array_elements(base.bids) as level
    union all
    select -1, 'ask', (level ->> 0)::numeric(18, 6), (level ->> 1)::numeric(24, 6)
    from jsonb_array_elements(base.asks) as level
    union all
    select e.id, e.side, e.price, e.size from events e where e.kind <> 'gap'
  ), placed as (
    -- One whole number a level, best bid first, best ask after the worst bid: sorts five times faster than text and numeric.
    select w.id, w.side, w.price, w.size,
      case w.side when 'bid' then -(w.price * 1000000)::bigint else 2000000000000000000 + (w.price * 1000000)::bigint end
        as place
    from written w
  ), levels as (
    select distinct on (p.place) p.place, p.side, p.price, p.size from placed p order by p.place, p.id desc
  )
  select l.side, l.price, l.size, s.sequence, s.captured_at, s.state
  from levels l, standing s where l.size > 0
  order by l.place;
end
$$;
comment on function book_at is
  'The book of an outcome as of an instant, by receive time (captured_at <= at, nothing later): bids best first, then asks '
  'best first. sequence and captured_at are those of the newest event; state is as in book_state_at. No row: the book is '
  'empty or missing, book_state_at tells which.';

create function coverage(market_id text, "from" timestamptz, "to" timestamptz)
returns table (
  hour timestamptz, events bigint, batches_verified bigint, batches_unverifiable bigint, batches_mismatched bigint,
  gap_seconds numeric, state text)
language sql stable set jit = off as $$
with span as (
  select coverage."from" as begins, least(coverage."to", now()) as ends
), hours as (
  select h.hour, tstzrange(greatest(h.hour, s.begins), least(h.hour + interval '1 hour', s.ends)) as part
  from span s, generate_series(date_trunc('hour', s.begins, 'UTC'), s.ends, interval '1 hour') as h (hour)
  where h.hour < s.ends and s.begins < s.ends
), counts as (
  select m.hour, m.events, m.batches_verified, m.batches_unverifiable, m.batches_mismatched from market_hours m
  where m.market_id = coverage.market_id
  union all
  select to_timestamp((o.progress #>> '{hour,startTimeMs}')::numeric / 1000), (o.progress #>> '{hour,events}')::bigint,
    (o.progress #>> '{hour,verified}')::bigint, (o.progress #>> '{hour,unverifiable}')::bigint,
    (o.progress #>> '{hour,mismatched}')::bigint
  from ingestion_offsets o
  where o.stream = 'orderbook:' || coverage.market_id and o.progress #>> '{hour,startTimeMs}' is not null
), recorded as materialized (
  select least(
    (select min(c.hour) from counts c where c.events > 0),
    (select min(first.captured_at) from outcomes o, lateral (
      select c.captured_at from book_checkpoints c
      where c.outcome_id = o.outcome_id and c.resume ->> 'status' = 'following' order by c.sequence limit 1) first
     where o.market_id = coverage.market_id)) as begins,
    (select coalesce(max(o.updated_at) + interval '10 minutes', 'infinity') from ingestion_offsets o) as ends
), outages as materialized (
  select g.outcome_id,
    range_agg(tstzrange(g.opened_at, greatest(g.opened_at, least(coalesce(g.closed_at, 'infinity'), s.ends)))) as gaps
  from feed_gaps g, span s
  where g.market_id = coverage.market_id and not g.nothing_missed and g.opened_at < s.ends
    and (g.closed_at > s.begins or g.closed_at is null)
  group by g.outcome_id
), measured as (
  select h.hour, h.part,
    (select coalesce(sum(extract(epoch from upper(gap) - lower(gap))), 0)
     from unnest((select coalesce(range_agg(o.gaps), '{}') from outages o) * tstzmultirange(h.part)) gap) as gap_seconds,
    (select count(*) from outages o where o.gaps @> h.part)
      >= greatest((select count(*) from outcomes o where o.market_id = coverage.market_id), 1) as is_all_gap
  from hours h
)
select m.hour, coalesce(sum(c.events), 0)::bigint, coalesce(sum(c.batches_verified), 0)::bigint,
  coalesce(sum(c.batches_unverifiable), 0)::bigint, coalesce(sum(c.batches_mismatched), 0)::bigint,
  round(m.gap_seconds, 3),
  case
    when m.is_all_gap or r.begins is null or upper(m.part) <= r.begins then 'missing'
    when lower(m.part) > r.ends and coalesce(sum(c.events), 0) = 0 then 'missing'
    when m.gap_seconds > 0 or sum(c.batches_unverifiable) > 0 or sum(c.batches_mismatched) > 0 then 'degraded'
    else 'available'
  end
from measured m cross join recorded r left join counts c on c.hour = m.hour
group by m.hour, m.part, m.gap_seconds, m.is_all_gap, r.begins, r.ends
order by m.hour
$$;
comment on function coverage is
  'What is recorded of a market, one row an hour (UTC, receive time) of [from, to), the future left out. Counts are of whole '
  'hours, gap seconds of what lies within [from, to): seconds in which a book of the market may be incomplete. missing: '
  'before the first book, all of the hour inside gaps of all outcomes, or after the recorder''s last commit of anything '
  '(known 10 minutes later); degraded: a gap, or a batch that is not proved; available: the rest, quiet hours too.';
