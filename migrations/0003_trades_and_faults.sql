-- Up Migration

create table fills (
  fill_id            bigint generated always as identity primary key,
  market_id          text not null,
  outcome_id         text not null,
  side               text not null check (side in ('buy', 'sell')),
  price              numeric(18, 6) not null,
  size               numeric(24, 6) not null,
  tx_hash            text,
  builder_header     text,
  ordinal            integer not null,
  source             text not null,
  status             text not null default 'provisional' check (status in ('provisional', 'confirmed')),
  captured_at        timestamptz not null,
  source_ts          timestamptz not null,
  source_received_at timestamptz,
  unique nulls not distinct (tx_hash, outcome_id, side, price, size, ordinal)
);
comment on table fills is 'Trades. One transaction can carry several fills of the same price and size: ordinal tells them apart.';
comment on column fills.side is 'Side of the taker.';
comment on column fills.builder_header is
  'No public feed carries the builder of a fill: null until an enrichment source (CLOB /builder/trades) gives it.';
comment on column fills.ordinal is 'Number of this fill among equal ones (same transaction, outcome, side, price, size), from 0.';
comment on column fills.source is 'market_channel: last_trade_price of the websocket.';
create index fills_market on fills (market_id, source_ts);

create table positions (
  position_id bigint generated always as identity primary key,
  user_id     text not null,
  outcome_id  text not null references outcomes,
  qty         numeric(24, 6) not null,
  avg_price   numeric(18, 6),
  pnl         numeric(24, 6),
  updated_at  timestamptz not null default now(),
  unique (user_id, outcome_id)
);
comment on column positions.user_id is 'Wallet address.';

create table alerts (
  alert_id   bigint generated always as identity primary key,
  user_id    text not null,
  market_id  text not null references markets,
  condition  text not null,
  threshold  numeric(24, 6),
  status     text not null default 'active',
  created_at timestamptz not null default now()
);

create table derived_metrics (
  metric_id   bigint generated always as identity primary key,
  market_id   text not null references markets,
  metric_type text not null,
  value       numeric not null,
  "window"    interval not null,
  measured_at timestamptz not null
);
create index derived_metrics_market on derived_metrics (market_id, metric_type, measured_at);

create table feed_gaps (
  gap_id              bigint generated always as identity primary key,
  market_id           text not null,
  outcome_id          text not null,
  opened_at           timestamptz not null,
  closed_at           timestamptz,
  reason              text not null,
  last_good_sequence  bigint not null,
  first_good_sequence bigint,
  gap_sequence        bigint not null,
  detail              text not null,
  unique (outcome_id, gap_sequence)
);
comment on table feed_gaps is
  'Spans in which the book of an outcome may be incomplete, by receive time. Also one row of kind gap in order_books.';
comment on column feed_gaps.gap_sequence is 'sequence of the gap''s row in order_books.';
comment on column feed_gaps.first_good_sequence is 'sequence of the snapshot that closed it; null while it is open.';
create index feed_gaps_open on feed_gaps (outcome_id) where closed_at is null;

create table dead_letters (
  dead_letter_id bigint generated always as identity primary key,
  stream         text not null,
  entry_id       text not null,
  ordinal        bigint not null,
  reason         text not null,
  detail         text not null,
  raw            text not null,
  first_seen_at  timestamptz not null,
  unique (stream, entry_id, ordinal)
);
comment on table dead_letters is 'Raw texts that could not be used, with the reason. Nothing is dropped without a row here.';
comment on column dead_letters.ordinal is 'Ordinal of the frame within its epoch; 0 where the entry itself was bad.';
