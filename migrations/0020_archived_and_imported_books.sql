-- Up Migration

-- Days are dropped from the oldest on, so what is missing lies between the newest row that is found and the instant. Sequences
-- are dense: the next row after the instant, or how far the normalizer got, shows where nothing does. Imported
-- rows, whose sequences are below 0, say nothing of those that were recorded.
create function is_cut_by_archive(outcome_id text, at timestamptz, captured_at timestamptz, sequence bigint) returns boolean
language sql stable as $$
  select exists (
    select from partition_seals s
    where s.table_name = 'order_books' and s.dropped_at is not null
      and s.day between (is_cut_by_archive.captured_at at time zone 'UTC')::date
        and (is_cut_by_archive.at at time zone 'UTC')::date)
    and is_cut_by_archive.sequence is distinct from coalesce(
      (select o.sequence - 1 from order_books o
       where o.outcome_id = is_cut_by_archive.outcome_id and o.captured_at > is_cut_by_archive.at and o.id > 0
       order by o.captured_at, o.id limit 1),
      (select (i.progress #>> array['outcomes', split_part(is_cut_by_archive.outcome_id, ':', 2), 'sequence'])::bigint
       from ingestion_offsets i where i.stream = 'orderbook:' || split_part(is_cut_by_archive.outcome_id, ':', 1)))
$$;

comment on function is_cut_by_archive is
  'Whether rows between the newest event that Postgres has before an instant (captured_at, sequence) and the instant may be in '
  'the archive alone.';

-- As they were, but for is_cut_by_archive: where every row after the checkpoint is gone no hole in the sequences shows it; and for
-- books of other recorders where none was recorded.
create or replace function book_state_at(outcome_id text, at timestamptz)
returns table (state text, sequence bigint, captured_at timestamptz, source_ts timestamptz)
language plpgsql stable rows 1 set jit = off as $$
#variable_conflict use_column
declare
  base record;
  newest record;
  first_sequence bigint;
  quality text;
begin
  select * into base from book_base_at(book_state_at.outcome_id, book_state_at.at);
  if base.sequence is null then
    return query select i.state, i.sequence, i.captured_at, i.source_ts
    from imported_state_at(book_state_at.outcome_id, book_state_at.at) i;
    if not found then
      return query select 'missing', null::bigint, null::timestamptz, null::timestamptz;
    end if;
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
  quality := case
    when first_sequence > base.sequence + 1
      or is_cut_by_archive(book_state_at.outcome_id, book_state_at.at, newest.captured_at, newest.sequence) then 'in_gap'
    else book_quality_at(book_state_at.outcome_id, book_state_at.at, newest.gap_sequence)
  end;
  if quality = 'in_gap' then
    return query select i.state, i.sequence, i.captured_at, i.source_ts
    from imported_state_at(book_state_at.outcome_id, book_state_at.at) i;
    if found then
      return;
    end if;
  end if;
  return query select quality, newest.sequence, newest.captured_at, newest.source_ts;
end
$$;
comment on function book_state_at is
  'One row always, also for an empty book. state: missing before the first snapshot, in_gap while the book may be '
  'incomplete (also where rows after the checkpoint are in the archive), imported where it would be one of the two and another '
  'recorder''s book is there, verified where the venue''s hash proved it, else unverified. The rest is of the newest event; '
  'sequences of imported ones are negative.';

-- effective_io_concurrency: the rows of an outcome lie on as many pages; handing 200 cached pages to I/O workers takes
-- longer than copying them (measured: half the time at p50 and p95 without).
create or replace function book_at(outcome_id text, at timestamptz)
returns table (side text, price numeric, size numeric, sequence bigint, captured_at timestamptz, state text)
language plpgsql stable rows 50 set jit = off set effective_io_concurrency = 0 as $$
#variable_conflict use_column
declare
  base record;
begin
  if exists (select from imported_span_at(book_at.outcome_id, book_at.at))
    and (select s.state from book_state_at(book_at.outcome_id, book_at.at) s) = 'imported'
  then
    return query select * from imported_book_at(book_at.outcome_id, book_at.at);
    return;
  end if;
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
        when (select min(e.sequence) from events e) > base.sequence + 1
          or is_cut_by_archive(book_at.outcome_id, book_at.at, n.captured_at, n.sequence) then 'in_gap'
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
