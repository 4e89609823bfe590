-- Up Migration

create table markets (
  market_id             text primary key,
  condition_id          text not null,
  slug                  text not null,
  question              text not null,
  status                text not null check (status in ('active', 'closed', 'resolved')),
  fee_bps               numeric(10, 4),
  end_ts                timestamptz,
  tick_size             numeric(18, 6) not null,
  min_order_size        numeric(24, 6) not null,
  neg_risk              boolean not null,
  version               text,
  subscription_override text check (subscription_override in ('stopped', 'paused')),
  resolved_at           timestamptz,
  created_at            timestamptz not null default now(),
  updated_at            timestamptz not null default now()
);
comment on table markets is 'The present state of each market. Source: Gamma, and the new_market broadcast.';
comment on column markets.market_id is 'The venue''s numeric id, as text.';
comment on column markets.condition_id is '0x and 64 hex digits: the field "market" of the websocket.';
comment on column markets.fee_bps is 'Taker fee rate in base points of C*p*(1-p); null where the venue does not say.';
comment on column markets.version is 'v2 for markets whose book hash has an eleventh field.';
comment on column markets.subscription_override is 'What an operator did by hand; discovery honours it.';
create index markets_slug on markets (slug);

create table outcomes (
  outcome_id text primary key,
  market_id  text not null references markets,
  name       text not null,
  tokens     text not null unique
);
comment on column outcomes.outcome_id is '<market_id>:<index>';
comment on column outcomes.tokens is 'The venue''s token id (uint256 as decimal text): "asset_id" of the websocket.';
create index outcomes_market on outcomes (market_id);
