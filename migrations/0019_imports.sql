-- Up Migration

create table imported_spans (
  begins_at   timestamptz not null,
  ends_at     timestamptz not null check (ends_at > begins_at),
  imported_at timestamptz not null default now(),
  rows        bigint not null,
  market_id   text not null,
  outcome_id  text not null,
  source      text not null,
  origin      text not null,
  import_id   text not null,
  primary key (outcome_id, source, begins_at)
);
comment on table imported_spans is
  'What other recorders saw of an outcome while it was not recorded here: [begins_at, ends_at) by their receive clock. Spans of '
  'books never overlap one another. Written with their rows, in one transaction.';
comment on column imported_spans.source is
  'pmxt: whole books, in order_books (order_books_later for sealed days). prices_history: prices alone, in imported_prices.';
comment on column imported_spans.origin is 'File or address that it came from.';
comment on column imported_spans.import_id is 'Run of the workflow that wrote it: what it did before it died is not done again.';
comment on column imported_spans.rows is 'Rows that the span has.';
create index imported_spans_market on imported_spans (market_id, begins_at);
create index imported_spans_import on imported_spans (import_id, market_id);

create table imported_prices (
  priced_at  timestamptz not null,
  price      numeric(18, 6) not null check (price between 0 and 1),
  market_id  text not null,
  outcome_id text not null,
  source     text not null,
  primary key (outcome_id, priced_at)
);
comment on table imported_prices is
  'Prices that the venue tells of the past, at best one a minute, where no book was recorded. One price has no side and no size, '
  'so it is no row of order_books.';
comment on column imported_prices.priced_at is 'The venue''s time, in whole seconds.';
create index imported_prices_market on imported_prices (market_id, priced_at);

comment on column order_books.id is
  'sequence * 65536 + position of the row within its event: unique per outcome. Negative where another recorder saw the event.';
comment on column order_books.sequence is
  'Dense per outcome over the events that write rows, continued across restarts: n+2 after n means one was missed. Imported '
  'events have negative ones, (hour - 1048576) * 16777216 + number of the event, hour since 1970: rising with holes '
  'within a span, unequal among all, and never among those of the recorder.';

-- Imported rows have ids below 0: no checkpoint and no event of the recorder speaks of them.
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
  where o.outcome_id = book_base_at.outcome_id and o.kind = 'snapshot' and o.id % 65536 = 0 and o.id > 0
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

create function first_book_at(outcome_id text) returns timestamptz
language sql stable set jit = off as $$
  select least(
    (select c.captured_at from book_checkpoints c
     where c.outcome_id = first_book_at.outcome_id and c.resume ->> 'status' = 'following' order by c.sequence limit 1),
    (select o.captured_at from order_books o
     where o.outcome_id = first_book_at.outcome_id and o.kind = 'snapshot' and o.id % 65536 = 0 and o.id > 0
     order by o.captured_at limit 1))
$$;
comment on function first_book_at is
  'Receive time of the first book that was recorded of an outcome; null where none was. Of an archived day: of its first checkpoint.';

create function recorder_ends_at() returns timestamptz language sql stable as $$
  select coalesce(max(o.updated_at) + interval '10 minutes', 'infinity') from ingestion_offsets o
$$;
comment on function recorder_ends_at is 'Ten minutes after the last commit of anything: whatever is later was not recorded.';

create function unrecorded_at(outcome_id text, begins_at timestamptz, ends_at timestamptz) returns tstzmultirange
language sql stable set jit = off as $$
  select tstzmultirange(tstzrange(unrecorded_at.begins_at, greatest(unrecorded_at.begins_at, least(unrecorded_at.ends_at, now())))) * (
    tstzmultirange(
      tstzrange(null, coalesce(first_book_at(unrecorded_at.outcome_id), 'infinity')), tstzrange(recorder_ends_at(), null))
    + coalesce((
      select range_agg(tstzrange(g.opened_at, greatest(g.opened_at, coalesce(g.closed_at, 'infinity')))) from feed_gaps g
      where g.outcome_id = unrecorded_at.outcome_id and not g.nothing_missed and g.opened_at < unrecorded_at.ends_at
        and (g.closed_at > unrecorded_at.begins_at or g.closed_at is null)), '{}'))
$$;
comment on function unrecorded_at is
  'When, within [begins_at, ends_at) and before now, the book of an outcome was not recorded whole, as far as it is committed: '
  'before its first book, in gaps, and after the last commit. Only there may rows be imported, and only where nothing that Redis '
  'still holds of its market is to be committed.';

create function imported_span_at(outcome_id text, at timestamptz) returns setof imported_spans
language sql stable rows 1 as $$
  select s.* from imported_spans s
  where s.outcome_id = imported_span_at.outcome_id and s.source <> 'prices_history' and s.begins_at <= imported_span_at.at
    and s.ends_at > imported_span_at.at
  order by s.begins_at desc limit 1
$$;
comment on function imported_span_at is 'The span of imported books that an instant lies in; no row where there is none.';

-- Rows of days that were sealed before they came are in order_books_later.
create function imported_rows_at(outcome_id text, at timestamptz)
returns table (
  id bigint, sequence bigint, captured_at timestamptz, source_ts timestamptz, side text, price numeric, size numeric)
language sql stable set jit = off as $$
with rows as materialized (
  select o.id, o.sequence, o.captured_at, o.source_ts, o.side, o.price, o.size, o.kind
  from imported_span_at(imported_rows_at.outcome_id, imported_rows_at.at) s, order_books o
  where o.outcome_id = imported_rows_at.outcome_id and o.captured_at >= s.begins_at
    and o.captured_at <= imported_rows_at.at and o.id < 0
  union all
  select o.id, o.sequence, o.captured_at, o.source_ts, o.side, o.price, o.size, o.kind
  from imported_span_at(imported_rows_at.outcome_id, imported_rows_at.at) s, order_books_later o
  where o.outcome_id = imported_rows_at.outcome_id and o.captured_at >= s.begins_at
    and o.captured_at <= imported_rows_at.at and o.id < 0
)
select r.id, r.sequence, r.captured_at, r.source_ts, r.side, r.price, r.size from rows r
where r.sequence >= (select max(b.sequence) from rows b where b.kind = 'snapshot')
$$;
comment on function imported_rows_at is
  'What a rebuild of an imported book applies: the newest snapshot of its span, and the changes since. Each span begins with a '
  'snapshot, and each of its UTC days.';

create function imported_state_at(outcome_id text, at timestamptz)
returns table (state text, sequence bigint, captured_at timestamptz, source_ts timestamptz)
language sql stable rows 1 set jit = off as $$
  select 'imported', r.sequence, r.captured_at, r.source_ts
  from imported_rows_at(imported_state_at.outcome_id, imported_state_at.at) r order by r.id desc limit 1
$$;
comment on function imported_state_at is 'As book_state_at, of an imported book; no row where none is there.';

create function imported_book_at(outcome_id text, at timestamptz)
returns table (side text, price numeric, size numeric, sequence bigint, captured_at timestamptz, state text)
language sql stable rows 50 set jit = off as $$
with events as materialized (
  select * from imported_rows_at(imported_book_at.outcome_id, imported_book_at.at)
), standing as (
  select e.sequence, e.captured_at from events e order by e.id desc limit 1
), levels as (
  select distinct on (e.side, e.price) e.side, e.price, e.size from events e order by e.side, e.price, e.id desc
)
select l.side, l.price, l.size, s.sequence, s.captured_at, 'imported' from levels l, standing s where l.size > 0
order by l.side = 'ask', case l.side when 'bid' then -l.price else l.price end
$$;
comment on function imported_book_at is 'As book_at, of an imported book, whatever was recorded here.';

drop function coverage(text, timestamptz, timestamptz);
create function coverage(market_id text, "from" timestamptz, "to" timestamptz)
returns table (
  hour timestamptz, events bigint, batches_verified bigint, batches_unverifiable bigint, batches_mismatched bigint,
  gap_seconds numeric, state text, imported_seconds numeric, imported_from text[])
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
), known as materialized (
  select o.outcome_id from outcomes o where o.market_id = coverage.market_id
), began as materialized (
  -- An hour with frames and without a first book: its checkpoints are gone, so its beginning is the best that is known.
  select case when t.hour < date_trunc('hour', f.at, 'UTC') or f.at is null then t.hour else f.at end as at
  from (select min(c.hour) as hour from counts c where c.events > 0) t, (select min(first_book_at(k.outcome_id)) as at from known k) f
), unrecorded as materialized (
  select tstzmultirange(tstzrange(null, coalesce(b.at, 'infinity')), tstzrange(
    case when s.begins > r.at then s.begins else date_trunc('hour', r.at, 'UTC') + interval '1 hour' end, null)) as times
  from began b, span s, recorder_ends_at() as r (at)
), outages as materialized (
  select g.outcome_id,
    range_agg(tstzrange(g.opened_at, greatest(g.opened_at, least(coalesce(g.closed_at, 'infinity'), s.ends)))) as times
  from feed_gaps g, span s
  where g.market_id = coverage.market_id and not g.nothing_missed and g.opened_at < s.ends
    and (g.closed_at > s.begins or g.closed_at is null)
  group by g.outcome_id
), imports as materialized (
  select i.outcome_id, i.source, range_agg(tstzrange(i.begins_at, i.ends_at)) as times
  from imported_spans i, span s
  where i.market_id = coverage.market_id and i.begins_at < s.ends and i.ends_at > s.begins
  group by i.outcome_id, i.source
), sides as (
  select k.outcome_id from known k union select o.outcome_id from outages o union select i.outcome_id from imports i
  union all
  select '' where not exists (select from known)
), lost as materialized (
  select s.outcome_id, coalesce(o.times, '{}') + u.times as times,
    coalesce((select range_agg(part) from imports i, unnest(i.times) part
              where i.outcome_id = s.outcome_id and i.source <> 'prices_history'), '{}') as filled
  from sides s cross join unrecorded u left join outages o using (outcome_id)
), sums as materialized (
  select coalesce((select range_agg(part) from lost l, unnest(l.times - l.filled) part), '{}') as gaps,
    coalesce((select range_agg(part) from lost l, unnest(l.times * l.filled) part), '{}') as fills
), measured as (
  select h.hour, h.part,
    (select coalesce(sum(extract(epoch from upper(gap) - lower(gap))), 0)
     from unnest((select s.gaps from sums s) * tstzmultirange(h.part)) gap) as gap_seconds,
    (select coalesce(sum(extract(epoch from upper(fill) - lower(fill))), 0)
     from unnest((select s.fills from sums s) * tstzmultirange(h.part)) fill) as imported_seconds,
    (select array_agg(distinct i.source) from imports i where i.times && h.part) as imported_from,
    not exists (select from lost l where not (l.times - l.filled) @> h.part) as is_all_gap
  from hours h
)
select m.hour, coalesce(sum(c.events), 0)::bigint, coalesce(sum(c.batches_verified), 0)::bigint,
  coalesce(sum(c.batches_unverifiable), 0)::bigint, coalesce(sum(c.batches_mismatched), 0)::bigint,
  round(m.gap_seconds, 3),
  case
    when m.is_all_gap and m.imported_from is null then 'missing'
    when m.is_all_gap then 'imported'
    when m.gap_seconds > 0 or sum(c.batches_unverifiable) > 0 or sum(c.batches_mismatched) > 0 then 'degraded'
    when m.imported_seconds > 0 then 'imported'
    else 'available'
  end,
  round(m.imported_seconds, 3), coalesce(m.imported_from, '{}')
from measured m left join counts c on c.hour = m.hour
group by m.hour, m.part, m.gap_seconds, m.imported_seconds, m.imported_from, m.is_all_gap
order by m.hour
$$;
comment on function coverage is
  'What is recorded of a market, one row an hour (UTC, receive time) of [from, to), the future left out. Counts are of whole '
  'hours, seconds of what lies within [from, to). gap_seconds: in which a book of the market may be incomplete or is not there. '
  'imported_seconds: in which it would be, but for books of another recorder. missing: nothing of the hour, be it before the '
  'first book, inside gaps of all outcomes, or after the recorder''s last commit of anything (known 10 minutes later). imported: '
  'the hour is whole with what was imported, or has nothing but imported prices (imported_from says which). degraded: a gap, or '
  'a batch that is not proved. available: the rest, quiet hours too.';
