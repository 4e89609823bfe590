-- Up Migration

-- A sequence is what its id begins with: eight bytes that every row carried twice. Before Postgres 18, which computes it when
-- it is read, it is stored as ever.
do $$
declare
  kind text := case when current_setting('server_version_num')::int < 180000 then 'stored' else 'virtual' end;
  name text;
begin
  foreach name in array array['order_books', 'order_books_later'] loop
    execute format('alter table %I drop column sequence', name);
    execute format('alter table %I add column sequence bigint generated always as (id >> 16) %s', name, kind);
    execute format(
      'comment on column %I.sequence is %L', name,
      'id >> 16. Dense per outcome over the events that write rows, continued across restarts: n+2 after n means one was missed.');
  end loop;
end
$$;

-- What a market's listeners keep is most of its offset, and nobody reads it but the next owner. As jsonb it was taken apart
-- number by number in each commit: 90 µs of Postgres's time a market, 38 as a text.
alter table ingestion_offsets add column kept text;
comment on column ingestion_offsets.kept is 'JSON: what is derived of the market goes on from this after a restart.';

create function book_minute(at timestamptz) returns timestamptz language sql immutable parallel safe as $$
  select date_bin('1 minute', $1, '2000-01-01 00:00:00+00')
$$;
comment on function book_minute is
  'The minute that order_books is indexed by. A condition on captured_at for one outcome needs one on it to be quick: '
  'outcome_id = … and captured_at between a and b and book_minute(captured_at) between book_minute(a) and book_minute(b).';

-- By (outcome_id, captured_at, id) each row had a key of 44 bytes, on pages that stay half empty: rows come at the end of
-- each outcome, in the middle of the index, and a page of such wide keys is split in half. The rows of a minute share one
-- key and add six bytes each. What that gives up is the refusal of a row that is there twice: offsets see to that, since
-- rows go with theirs or not at all, and a restored day is checked while it is apart.
alter table order_books drop constraint order_books_pkey;
create index order_books_minutes on order_books (outcome_id, book_minute(captured_at));
-- Rows come in the order of time: an entry for each megabyte lets a condition on captured_at alone leave out the others.
create index order_books_times on order_books using brin (captured_at) with (autosummarize = on);

-- From here on as they were, but for the conditions on book_minute.
create or replace function is_cut_by_archive(outcome_id text, at timestamptz, captured_at timestamptz, sequence bigint) returns boolean
language sql stable as $$
  select exists (
    select from partition_seals s
    where s.table_name = 'order_books' and s.dropped_at is not null
      and s.day between (is_cut_by_archive.captured_at at time zone 'UTC')::date
        and (is_cut_by_archive.at at time zone 'UTC')::date)
    and is_cut_by_archive.sequence is distinct from coalesce(
      (select o.sequence - 1 from order_books o
       where o.outcome_id = is_cut_by_archive.outcome_id and o.captured_at > is_cut_by_archive.at and o.id > 0
         and book_minute(o.captured_at) >= book_minute(is_cut_by_archive.at)
       order by book_minute(o.captured_at), o.captured_at, o.id limit 1),
      (select (i.progress #>> array['outcomes', split_part(is_cut_by_archive.outcome_id, ':', 2), 'sequence'])::bigint
       from ingestion_offsets i where i.stream = 'orderbook:' || split_part(is_cut_by_archive.outcome_id, ':', 1)))
$$;

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
    and book_minute(o.captured_at) between book_minute(base.captured_at) and book_minute(book_state_at.at)
  order by book_minute(o.captured_at) desc, o.captured_at desc, o.id desc limit 1;
  if not found then
    newest := base;
  end if;
  select o.sequence into first_sequence
  from order_books o
  where o.outcome_id = book_state_at.outcome_id and o.captured_at >= base.captured_at
    and o.captured_at <= book_state_at.at and o.sequence > base.sequence
    and book_minute(o.captured_at) between book_minute(base.captured_at) and book_minute(book_state_at.at)
  order by book_minute(o.captured_at), o.captured_at, o.id limit 1;
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
      and book_minute(o.captured_at) between book_minute(base.captured_at) and book_minute(book_at.at)
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

create or replace function imported_rows_at(outcome_id text, at timestamptz)
returns table (
  id bigint, sequence bigint, captured_at timestamptz, source_ts timestamptz, side text, price numeric, size numeric)
language sql stable set jit = off as $$
with rows as materialized (
  select o.id, o.sequence, o.captured_at, o.source_ts, o.side, o.price, o.size, o.kind
  from imported_span_at(imported_rows_at.outcome_id, imported_rows_at.at) s, order_books o
  where o.outcome_id = imported_rows_at.outcome_id and o.captured_at >= s.begins_at
    and o.captured_at <= imported_rows_at.at and o.id < 0
    and book_minute(o.captured_at) between book_minute(s.begins_at) and book_minute(imported_rows_at.at)
  union all
  select o.id, o.sequence, o.captured_at, o.source_ts, o.side, o.price, o.size, o.kind
  from imported_span_at(imported_rows_at.outcome_id, imported_rows_at.at) s, order_books_later o
  where o.outcome_id = imported_rows_at.outcome_id and o.captured_at >= s.begins_at
    and o.captured_at <= imported_rows_at.at and o.id < 0
)
select r.id, r.sequence, r.captured_at, r.source_ts, r.side, r.price, r.size from rows r
where r.sequence >= (select max(b.sequence) from rows b where b.kind = 'snapshot')
$$;
