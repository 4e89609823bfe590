-- Up Migration

-- What a market's listeners keep across a restart makes its progress 2 to 5 kB, written with every commit of the market.
-- Compressing each (from 2 kB on, by default) took a third of Postgres's time, for rows of which there is one a stream.
alter table ingestion_offsets set (toast_tuple_target = 8160);

-- The series of one metric is read through the primary key as well: a market's day is 0.7 million rows, and the index
-- was written at 80 places for each instant of each market, where the primary key is written at one.
drop index derived_metrics_series;

-- Sizes of levels are as many rows as order_books and come once by the fence of the offsets. Of the others, some are told
-- by more than one writer, or again.
alter table liquidity_events
  drop constraint liquidity_events_market_id_observed_at_type_outcome_id_side_key;
create unique index liquidity_events_once on liquidity_events (market_id, observed_at, type, outcome_id, identity)
  nulls not distinct where price is null;
create index liquidity_events_market on liquidity_events (market_id, observed_at);
