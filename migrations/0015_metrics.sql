-- Up Migration

-- Some 80 rows a market and instant are read by market and time, or as a series of one metric; each row pays for every
-- index. The normalizer, which alone writes them, follows only markets that are there: a foreign key costs a look-up a row.
alter table derived_metrics
  drop constraint derived_metrics_pkey,
  drop constraint derived_metrics_market_id_fkey,
  add primary key (market_id, measured_at, metric_type, "window");
drop index derived_metrics_market;
create index derived_metrics_series on derived_metrics (market_id, metric_type, "window", measured_at);

comment on table derived_metrics is
  'Rolling metrics of a market''s first outcome, all of one instant together, every 10 s if something happened in them: a row '
  'of its book in order_books, or a trade. Where nothing happened no row is written. A metric with nothing to measure has no '
  'row at that instant, so read the rows of one measured_at: see metrics_at().';
comment on column derived_metrics.measured_at is
  'A multiple of 10 s (UTC). The window is [metric_window_start("window", measured_at), measured_at), by captured_at of '
  'order_books and fills. Its rows are written within some 9 s of it, each market at a time of its own, and replaced if '
  'something older than measured_at comes after that.';
comment on column derived_metrics."window" is '1 minute, 5 minutes, 1 hour or 24 hours: the least that the window covers.';
comment on column derived_metrics.metric_type is
  'Of the book, which counts as it was at the end of each millisecond, of the levels that are kept (book_depth_at), each state '
  'for as long as it lasted, also one from before the window. It has a mid, (bid + ask) / 2, where both sides have a level and '
  'bid < ask; a locked or crossed book has none. From a row of kind gap to the next snapshot nothing is known and nothing counts. '
  'coverage: share of the window in which the book was known, 0 to 1; mid_coverage: in which it had a mid: what the others '
  'speak of. realized_volatility: root of the sum of squared log returns of the mid, not annualised (a float); a return is of '
  'two mids that followed each other directly, it belongs to the instant of the second, and none spans a gap, an empty side or '
  'a crossed book. spread: time-weighted mean of ask - bid, USDC. bid_depth_1c, bid_depth_5c, ask_depth_1c, ask_depth_5c: '
  'time-weighted mean of the shares at levels within 0.01 and 0.05 of the mid, both ends included; more than 9,007,199,254.740991 '
  'at once count as that. imbalance: (bid_depth_5c - ask_depth_5c) / (bid_depth_5c + ask_depth_5c). mid_open, mid_high, mid_low, '
  'mid_close: of the mids that were in force for at least a millisecond of the window. '
  'Of the trades: fills that the market channel told of (source market_channel or both; those that only the Data API tells come '
  'up to a minute late), of both outcomes, those of the second one as price 1 - p. trade_count; volume: shares; vwap: mean price '
  'weighted by shares; trade_open, trade_high, trade_low, trade_close: prices, in the order of captured_at, then of fill_id.';
comment on column derived_metrics.value is
  'Means, ratios and mid prices are rounded to 9 places, half away from zero; counts, volume and trade prices are exact.';

create function metric_window_start("window" interval, measured_at timestamptz) returns timestamptz
language sql immutable strict parallel safe as $$
  select date_bin(
    case when "window" <= interval '5 minutes' then interval '10 seconds'
      when "window" <= interval '1 hour' then interval '1 minute'
      else interval '15 minutes' end,
    measured_at - "window", timestamptz '1970-01-01 00:00:00+00')
$$;
comment on function metric_window_start is
  'Where the window of a row of derived_metrics begins: the last boundary of its step (10 s, 10 s, 1 minute, 15 minutes) at or '
  'before measured_at - window.';

create function metrics_at(market_id text, at timestamptz default now())
returns table (metric_type text, "window" interval, value numeric, measured_at timestamptz)
language sql stable as $$
  select d.metric_type, d."window", d.value, d.measured_at
  from derived_metrics d
  where d.market_id = metrics_at.market_id and d.measured_at = (
    select max(n.measured_at) from derived_metrics n
    where n.market_id = metrics_at.market_id and n.measured_at <= metrics_at.at)
  order by d.metric_type, d."window"
$$;
comment on function metrics_at is
  'The newest metrics of a market that were measured at or before an instant. Nothing happened between measured_at and the '
  'instant, unless rows are due within seconds.';

create table metric_buckets (
  market_id  text not null,
  step_ms    integer not null,
  started_at timestamptz not null,
  slots      jsonb not null,
  opening    text,
  primary key (market_id, step_ms, started_at)
);
comment on table metric_buckets is
  'What the normalizer goes on from after a restart: sums of the closed steps (10 s, 1 min, 15 min) in which something '
  'happened, as far back as a window reaches. The open one is in ingestion_offsets.progress.';
comment on column metric_buckets.slots is 'packed: the numbers of all metrics, eight bytes each (little endian), base64; layout: name:count of each metric.';
comment on column metric_buckets.opening is
  'The book at started_at, packed alike: known, twice the mid, spread, depths, in millionths. Null: as at the next bucket.';
