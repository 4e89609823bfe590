-- Up Migration

-- What wallets did to their holdings other than by trades: kept as it was told, so that positions can be rebuilt.
create table wallet_activities (
  activity_id   bigint generated always as identity primary key,
  wallet        text not null,
  market_id     text references markets,
  type          text not null check (type in ('split', 'merge', 'redeem', 'conversion')),
  condition_id  text not null,
  outcome_index integer,
  size          numeric(24, 6) not null,
  usdc          numeric(24, 6) not null,
  tx_hash       text not null,
  ordinal       integer not null,
  source_ts     timestamptz not null,
  captured_at   timestamptz not null,
  unique nulls not distinct (tx_hash, wallet, type, condition_id, outcome_index, size, usdc, ordinal)
);
comment on table wallet_activities is
  'Splits, merges, redemptions and conversions of the tracked wallets (TRACKED_WALLETS), as /activity of the Data API tells them.';
comment on column wallet_activities.market_id is 'Null for a conversion, which concerns several markets.';
comment on column wallet_activities.type is
  'split: usdc became size shares of each outcome; merge: the reverse. redeem: shares were paid out as '
  'usdc after the resolution, which settles the whole position: it changes none itself. conversion: shares of several markets of one event were exchanged. The venue does not say '
  'which, so a conversion is kept and changes no position.';
comment on column wallet_activities.outcome_index is
  'Null where the venue names none.';
comment on column wallet_activities.size is 'Shares; of a redemption what it paid.';
comment on column wallet_activities.ordinal is 'Number of this one among equal ones of a transaction, from 0.';
comment on column wallet_activities.source_ts is 'The venue''s time, in whole seconds.';
create index wallet_activities_wallet on wallet_activities (wallet, market_id);

create index fills_wallet on fills (wallet, outcome_id, data_api_ts) where wallet is not null;

-- Nothing has written positions before. What is shown is computed from what is kept, by the table itself.
alter table positions drop column qty, drop column avg_price, drop column pnl,
  add column held numeric(24, 6) not null,
  add column cost numeric(36, 12) not null,
  add column trading_pnl numeric(36, 12) not null,
  add column unseen_qty numeric(24, 6) not null,
  add column unseen_proceeds numeric(36, 12) not null,
  add column moves bigint not null,
  add column last_move_at timestamptz not null,
  add column base jsonb,
  add column next_base jsonb,
  add column payout numeric(18, 6),
  add column mark_price numeric(18, 7),
  add column mark_state text check (mark_state in ('mid', 'one_sided', 'crossed', 'gap', 'not_live')),
  add column marked_at timestamptz,
  add column qty numeric(24, 6) generated always as (case when payout is null then held else 0 end) stored,
  add column avg_price numeric(18, 6) generated always as
    (case when payout is null and held > 0 then round(cost / held, 6) end) stored,
  add column pnl numeric(24, 6) generated always as
    (round(trading_pnl + case when payout is null then 0 else held * payout - cost end, 6)) stored,
  add column unrealised_pnl numeric(24, 6) generated always as
    (case when payout is null then round(held * mark_price - cost, 6) end) stored,
  add constraint positions_mid check ((mark_price is not null) = (mark_state is not null and mark_state = 'mid'));
alter table positions set (fillfactor = 70);

comment on table positions is
  'What each wallet holds of an outcome and what it has earned, by average cost, from the fills and activities that are '
  'recorded. Of fills that is the taker''s side alone (the venue names no maker), of activities those of tracked wallets. '
  'Fees are not in it: no source says what a fill paid. All money is in dollars.';
comment on column positions.qty is 'Shares held; 0 once the outcome is settled.';
comment on column positions.avg_price is 'Average cost of a held share: cost / held. Null where nothing is held, and once settled.';
comment on column positions.pnl is
  'Realised: what was got for the shares that were given (sold, merged) minus their average cost, and, once the '
  'outcome is settled, held * payout - cost. Of shares that were not seen to be acquired nothing is in it.';
comment on column positions.unrealised_pnl is 'held * mark_price - cost; null without a mid, and once settled.';
comment on column positions.held is
  'Shares held before any settlement, all moves in the order of their second, what comes in before what goes out, then by '
  'size and money. A split brings shares of each outcome at an equal part of its usdc; a merge takes them at that.';
comment on column positions.cost is
  'What the held shares cost, exact to 10^-12. Giving n of them takes cost * n / held of it, rounded down; giving all takes all.';
comment on column positions.trading_pnl is 'pnl without the settlement, exact to 10^-12.';
comment on column positions.unseen_qty is
  'Shares that were given without having been seen to be acquired (bought as a maker, split unseen, before the recording). '
  'Their cost is unknown: they change neither held nor pnl.';
comment on column positions.unseen_proceeds is 'What was got for unseen_qty.';
comment on column positions.moves is 'Fills and activities that are in it.';
comment on column positions.last_move_at is 'The venue''s second of the newest one.';
comment on column positions.base is
  'The figures as of an earlier second, from which a move that comes late is put in its place; null: from the beginning.';
comment on column positions.next_base is 'The figures as of a later second: the next base.';
comment on column positions.payout is 'outcomes.payout when it is known: the position is settled at it. Provisional until the market''s resolution is final.';
comment on column positions.mark_price is 'Mid of the outcome''s own book in the hot cache; null without one, see mark_state.';
comment on column positions.mark_state is
  'mid; or why there is none: one_sided (or empty), crossed, gap (the book may be wrong), not_live (paused, stopped, not recorded). '
  'Null: not looked at yet. Looked at every 10 s.';
comment on column positions.marked_at is 'Since when mark_price and mark_state are as they are.';
comment on column positions.updated_at is 'When a move or a settlement changed it last; not the mark.';
create index positions_open on positions (outcome_id) where payout is null;
create index positions_outcome on positions (outcome_id);
create index markets_condition on markets (condition_id);
