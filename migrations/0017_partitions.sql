-- Up Migration

alter table order_books add column source text;
comment on column order_books.source is
  'Null: recorded live from the feed. Else who told it, of a row that was imported: pmxt, prices_history.';

-- The metrics of a month are dropped as one table. Days would be sixty partitions to look into for what is dropped once a
-- month; and metrics_at() looks into all of them before the instant where a market has been quiet for long.
alter table derived_metrics rename to derived_metrics_past;
alter index derived_metrics_pkey rename to derived_metrics_past_pkey;
create sequence derived_metric_ids;
select setval('derived_metric_ids', nextval(pg_get_serial_sequence('derived_metrics_past', 'metric_id')));
alter table derived_metrics_past alter column metric_id drop identity;
create table derived_metrics (like derived_metrics_past including constraints including comments)
  partition by range (measured_at);
alter table derived_metrics
  alter column metric_id set default nextval('derived_metric_ids'),
  add primary key (market_id, measured_at, metric_type, "window");
alter sequence derived_metric_ids owned by derived_metrics.metric_id;

-- What was measured so far stays where it is, as the partition of all time until the end of its last month.
do $$
declare
  ends timestamptz;
begin
  execute format('comment on table derived_metrics is %L', obj_description('derived_metrics_past'::regclass));
  select date_trunc('month', max(measured_at), 'UTC') into ends from derived_metrics_past;
  if ends is null then
    drop table derived_metrics_past;
  else
    ends := (ends at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    execute format(
      'alter table derived_metrics attach partition derived_metrics_past for values from (minvalue) to (%L)', ends);
  end if;
end
$$;

create view partitions as
select parent.relname::text as table_name, part.relname::text as partition,
  (regexp_match(pg_get_expr(part.relpartbound, part.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz as starts_at,
  (regexp_match(pg_get_expr(part.relpartbound, part.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz as ends_at
from pg_inherits i
join pg_class parent on parent.oid = i.inhparent and parent.relkind = 'p' and pg_table_is_visible(parent.oid)
join pg_class part on part.oid = i.inhrelid and part.relkind = 'r'
where not i.inhdetachpending;
comment on view partitions is 'The partitions that tables have now: rows of [starts_at, ends_at). starts_at is null where it has no beginning.';

create table partition_seals (
  table_name text not null,
  day        date not null,
  sealed_at  timestamptz not null default clock_timestamp(),
  dropped_at timestamptz check (dropped_at >= sealed_at),
  primary key (table_name, day)
);
comment on table partition_seals is
  'UTC days whose partition takes no more rows, so that what the archive reads is what it will drop. Written by '
  'seal_partition(), unseal_partition() and drop_partition() only.';
comment on column partition_seals.sealed_at is 'Every row of the partition was committed before it.';
comment on column partition_seals.dropped_at is
  'When the partition was dropped, its rows being in the archive. Null: they are in Postgres. No new one is made for the day.';

create table order_books_later (
  like order_books including defaults including constraints including comments,
  part smallint,
  primary key (outcome_id, captured_at, id)
);
comment on table order_books_later is
  'Rows of order_books of sealed days that came later, by an import, by reprocessing or from a backlog: they become further '
  'parts of the day in the archive.';
comment on column order_books_later.part is 'Part of the archive that holds the row; null: none yet.';
create index order_books_later_captured on order_books_later (captured_at);

-- In class 23: it lies in the rows, and trying them again would fail again.
create function refuse_sealed() returns trigger language plpgsql as $$
begin
  raise exception '% is sealed for the archive since %: it takes no changes', tg_table_name, tg_argv[0] using
    errcode = '23S01',
    hint = case tg_argv[1] when 'order_books' then 'Rows of that day go to order_books_later.'
      else 'restorePartition brings the day back.' end;
end
$$;
comment on function refuse_sealed is 'Trigger of a sealed partition: refuses every change with the SQLSTATE 23S01.';

create function partition_name(table_name text, day date) returns text language sql stable as $$
  select partition_name.table_name || '_'
    || to_char(partition_name.day, case partition_name.table_name when 'derived_metrics' then 'YYYYMM' else 'YYYYMMDD' end)
$$;
comment on function partition_name is 'How the partition is named that is made for a UTC day: by day, of derived_metrics by month.';

create function lock_partitions(table_name text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtext('partitions'), hashtext(lock_partitions.table_name))
$$;
comment on function lock_partitions is 'Until the end of the transaction nobody else makes, seals or drops partitions of the table.';

-- Made apart and attached: that waits for other changes of the schema only, while "create table … partition of" waits for
-- every reader of the table, and everybody who comes after it waits for it.
create function ensure_partition(table_name text, day date) returns text
language plpgsql set lock_timeout = '2s' as $$
#variable_conflict use_variable
declare
  name text := partition_name(table_name, day);
  first_day timestamp := date_trunc(case table_name when 'derived_metrics' then 'month' else 'day' end, day::timestamp);
  last_day timestamp := first_day + case table_name when 'derived_metrics' then interval '1 month' else interval '1 day' end;
  starts timestamptz := first_day at time zone 'UTC';
  ends timestamptz := last_day at time zone 'UTC';
begin
  if is_partitioned(table_name, starts, ends) then
    return null;
  end if;
  perform lock_partitions(table_name);
  if is_partitioned(table_name, starts, ends) or exists (
    select from partition_seals s where s.table_name = table_name and s.day = day and s.dropped_at is not null)
  then
    return null;
  end if;
  if to_regclass(name) is not null then
    raise exception 'expected % to be a partition of %, but it is a table of its own', name, table_name using
      errcode = '55000', hint = 'Attach it again, or rename or drop it.';
  end if;
  execute format('create table %I (like %I including all excluding comments)', name, table_name);
  execute format('alter table %I attach partition %I for values from (%L) to (%L)', table_name, name, starts, ends);
  return name;
end
$$;
comment on function ensure_partition is
  'Makes the partition of one UTC day (of derived_metrics: of its month); its name, or null where it was there or the day is '
  'in the archive.';

create function is_partitioned(table_name text, starts timestamptz, ends timestamptz) returns boolean
language sql stable as $$
  select exists (
    select from partitions p
    where p.table_name = is_partitioned.table_name
      and coalesce(p.starts_at, '-infinity') <= is_partitioned.starts and p.ends_at >= is_partitioned.ends)
$$;
comment on function is_partitioned is 'Whether one partition holds all of a span.';

create or replace function ensure_order_books_partition(day date) returns text language sql as $$
  select ensure_partition('order_books', day)
$$;
comment on function ensure_order_books_partition is 'ensure_partition() of order_books.';

create or replace function ensure_liquidity_events_partition(day date) returns text language sql as $$
  select ensure_partition('liquidity_events', day)
$$;
comment on function ensure_liquidity_events_partition is 'ensure_partition() of liquidity_events.';

create function ensure_derived_metrics_partition(day date) returns text language sql as $$
  select ensure_partition('derived_metrics', day)
$$;
comment on function ensure_derived_metrics_partition is 'ensure_partition() of derived_metrics.';

-- The trigger waits for the transactions that write to the day, not for those that read it. A trigger for each row: one for
-- each statement is not called where the statement names the partitioned table.
create function seal_partition(table_name text, day date) returns timestamptz
language plpgsql set lock_timeout = '2s' as $$
#variable_conflict use_variable
declare
  name text := partition_name(table_name, day);
  since timestamptz;
begin
  if (day + 1)::timestamp at time zone 'UTC' > now() then
    raise exception 'expected a day that is over, % is not: the feed still writes to it', day using errcode = '55000';
  end if;
  perform lock_partitions(table_name);
  select s.sealed_at into since from partition_seals s where s.table_name = table_name and s.day = day;
  if found then
    return since;
  end if;
  if not exists (select from partitions p where p.table_name = table_name and p.partition = name) then
    raise exception 'expected a partition of % for %, found none: nothing to seal', table_name, day using errcode = '42P01';
  end if;
  execute format('lock table %I in share row exclusive mode', name);
  since := clock_timestamp();
  execute format(
    'create trigger sealed before insert or update or delete on %I for each row execute function refuse_sealed(%L, %L)',
    name, to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), table_name);
  execute format(
    'create trigger sealed_whole before truncate on %I execute function refuse_sealed(%L, %L)',
    name, to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), table_name);
  insert into partition_seals (table_name, day, sealed_at) values (table_name, day, since);
  return since;
end
$$;
comment on function seal_partition is
  'From its commit on the partition of a UTC day takes no rows, changes or deletions; since when. Sealing it again changes nothing.';

create function unseal_partition(table_name text, day date) returns boolean
language plpgsql set lock_timeout = '2s' as $$
#variable_conflict use_variable
declare
  name text := partition_name(table_name, day);
begin
  perform lock_partitions(table_name);
  if not exists (select from partitions p where p.table_name = table_name and p.partition = name) and exists (
    select from partition_seals s where s.table_name = table_name and s.day = day and s.dropped_at is not null)
  then
    raise exception 'expected % of % to be in Postgres, it was dropped', day, table_name using
      errcode = '55000', hint = 'restorePartition brings it back. An empty partition would pass for the whole day.';
  end if;
  if to_regclass(name) is not null then
    execute format('drop trigger if exists sealed on %I', name);
    execute format('drop trigger if exists sealed_whole on %I', name);
  end if;
  delete from partition_seals s where s.table_name = table_name and s.day = day;
  return found;
end
$$;
comment on function unseal_partition is
  'Takes the seal away; whether there was one. Of a day that was dropped only once its partition is attached again.';

-- At once, not "detach … concurrently": that is not one transaction with dropped_at, so for a moment a reader would find the
-- day neither here nor named as dropped. While it waits for who reads the table, whoever comes after it waits too: not long.
create function drop_partition(table_name text, day date, sealed_at timestamptz) returns text
language plpgsql set lock_timeout = '300ms' as $$
#variable_conflict use_variable
declare
  name text := partition_name(table_name, day);
  since timestamptz;
  dropped timestamptz;
begin
  perform lock_partitions(table_name);
  select s.sealed_at, s.dropped_at into since, dropped from partition_seals s where s.table_name = table_name and s.day = day;
  if not found then
    raise exception 'expected % of % to be sealed before it is dropped', day, table_name using errcode = '55000';
  end if;
  if dropped is not null then
    return null;
  end if;
  if since is distinct from sealed_at then
    raise exception 'expected % of % to be sealed since %, it is since %', day, table_name, sealed_at, since using
      errcode = '55000', hint = 'It was opened meanwhile: what was proved of it may be true no more.';
  end if;
  execute format('drop table %I', name);
  update partition_seals s set dropped_at = clock_timestamp() where s.table_name = table_name and s.day = day;
  return name;
end
$$;
comment on function drop_partition is
  'Drops the partition of a UTC day that has been sealed since an instant; its name, or null where it was dropped before. The '
  'caller has proved under that seal that its rows are in the archive. Where others hold the table it fails after 300 ms (55P03): call it again later.';

-- Only a partition that the archive has not taken up: what it seals it drops itself.
create function expire_partition(table_name text, before timestamptz) returns text
language plpgsql set lock_timeout = '300ms' as $$
#variable_conflict use_variable
declare
  name text;
begin
  perform lock_partitions(table_name);
  select p.partition into name from partitions p
  where p.table_name = table_name and p.ends_at <= before and not exists (
    select from partition_seals s
    where s.table_name = p.table_name and partition_name(s.table_name, s.day) = p.partition)
  order by p.ends_at limit 1;
  if found then
    execute format('drop table %I', name);
  end if;
  return name;
end
$$;
comment on function expire_partition is
  'Drops the oldest partition that ended at or before an instant and is not sealed; its name, or null where there is none. '
  'Where others hold the table it fails after 300 ms (55P03): call it again later.';

-- What is deleted when it is old is found by its age.
create index dead_letters_first_seen on dead_letters (first_seen_at);
create index feed_gaps_closed on feed_gaps (closed_at) where closed_at is not null;
create index market_changes_past on market_changes (valid_to) where valid_to is not null;
comment on table alert_events is
  'Each crossing of each rule, once, in the transaction of the frames that caused it; kept when the rule is deleted, for '
  'RETENTION_DAYS_ALERT_EVENTS.';
