-- Up Migration

-- Two sources tell of a fill: the market channel within milliseconds and without the taker's wallet, the Data API up to a
-- minute later, with it, in whole seconds. Neither is complete by itself.
alter table fills
  add column wallet       text,
  add column data_api_ts  timestamptz,
  add column confirmed_at timestamptz,
  add constraint fills_source_check check (source in ('market_channel', 'data_api', 'both')),
  add constraint fills_confirmed_check check (
    case when source = 'market_channel'
      then status = 'provisional' and wallet is null and data_api_ts is null and confirmed_at is null
      else status = 'confirmed' and data_api_ts is not null and confirmed_at is not null
    end);

comment on table fills is
  'Trades, one row each, whichever of the two sources told of it. One transaction can carry several fills of the same price '
  'and size: ordinal tells them apart.';
comment on column fills.source is
  'Who told of it so far. market_channel: last_trade_price of the websocket; data_api: /trades; both.';
comment on column fills.status is
  'provisional: only the market channel told of it; confirmed: the Data API did. A fill that the Data API never shows stays '
  'provisional; so does one without tx_hash, since nothing tells which of the Data API''s it is.';
comment on column fills.wallet is
  'Wallet of the taker, lower case. Only the Data API tells it, so it is null while the fill is provisional.';
comment on column fills.captured_at is
  'When we received it: from the market channel where that told of it, else from the Data API.';
comment on column fills.source_ts is
  'The venue''s time of it: in milliseconds where the market channel told of it, else as data_api_ts.';
comment on column fills.source_received_at is 'Only for replays: the receive time that the file states.';
comment on column fills.data_api_ts is
  'The venue''s time of it as the Data API tells it, in whole seconds. Never changes once it is there, whatever '
  'else is told of the fill later; null while provisional.';
comment on column fills.confirmed_at is 'When we first received it from the Data API; null while provisional.';
comment on column fills.builder_header is
  'No public feed carries the builder of a fill, neither the market channel nor the Data API: null until an enrichment '
  'source gives it (/builder/trades of the CLOB, which wants credentials).';
