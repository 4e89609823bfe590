-- Up Migration

create sequence liquidity_event_ids;

-- By UTC day, as order_books: a busy book brings rows every second, and a day can be dropped whole.
create table liquidity_events (
  event_id    bigint not null default nextval('liquidity_event_ids'),
  observed_at timestamptz not null,
  amount      numeric(24, 6),
  price       numeric(18, 6),
  market_id   text not null,
  outcome_id  text,
  type        text not null check (type in (
    'market_created', 'market_closed', 'market_resolved', 'market_paused', 'market_resumed', 'market_stopped',
    'liquidity_added', 'liquidity_removed', 'liquidity_traded', 'liquidity_sampled', 'gap_opened', 'gap_closed',
    'split', 'merge')),
  side        text check (side in ('bid', 'ask')),
  source      text not null check (source in (
    'market_channel', 'subscription', 'new_market', 'market_resolved', 'gamma', 'data_api')),
  identity    text not null,
  detail      jsonb,
  unique nulls not distinct (market_id, observed_at, type, outcome_id, side, price, identity)
) partition by range (observed_at);
alter sequence liquidity_event_ids owned by liquidity_events.event_id;
comment on table liquidity_events is
  'What happened to the liquidity of markets, each event once: written in the transaction that moves the offset of what '
  'told it. The unique key serves the events of a market in time, and would refuse one that were written twice.';
comment on column liquidity_events.event_id is 'Rises as events are written, with holes; no order in time.';
comment on column liquidity_events.type is
  'market_created: first heard of, by the broadcast (source new_market) or, where none was heard, by the catalogue (source '
  'gamma: it may be older, as all that are listed at the first start are), or else by its first change of the tick or its '
  'resolution (source market_channel, market_resolved). market_closed: no more trading. market_resolved: '
  'its outcomes pay. A market is created and resolved once. market_paused, market_stopped, market_resumed: the recording of it was, '
  'by an operator or the policy (source subscription); nothing of its books is known in between. liquidity_added: what was '
  'added to a level in the second that begins at observed_at. liquidity_removed: what left it and no trade explains '
  '(cancelled, or taken by a trade that was not told). liquidity_traded: what left it and a trade explains. Of each level '
  'added - removed - traded is exactly the change of its size; the whole book counts, also where order_books keeps the best '
  'levels only. Every order stands in both outcomes'' books, as a bid at p and an ask at 1 - p: sum over one outcome, not '
  'both. gap_opened, gap_closed: what came and went between the two is not known and in no event; a first snapshot and one '
  'that ends a gap add nothing. liquidity_sampled: Gamma''s figure of the market''s liquidity. split, merge: sets of '
  'all outcomes that a tracked wallet made of collateral, or turned back into it (source data_api).';
comment on column liquidity_events.amount is
  'Shares (of each outcome, for split and merge); US dollars for liquidity_sampled; null for events of the market itself.';
comment on column liquidity_events.price is 'Of the level, 0 to 1; null for all but liquidity_added, _removed and _traded.';
comment on column liquidity_events.side is 'Side of the book that the level is on; null where price is.';
comment on column liquidity_events.outcome_id is 'Null where it is the market''s as a whole.';
comment on column liquidity_events.observed_at is
  'By the receive clock, as captured_at; for the three of a level the beginning of the second in which it changed. A split '
  'or merge is received up to minutes after it happened: source_ts in its detail is the venue''s time.';
comment on column liquidity_events.identity is
  'Tells apart what is equal in all else: of a level the part of its second, where a gap or a late frame divided it (else '
  'empty); of a gap its sequence; of a pause the entry that told it; of a split or merge its transaction, wallet, sizes and number.';
comment on column liquidity_events.detail is
  'gap_opened, gap_closed: gap_sequence, which is that of feed_gaps. market_resolved by gamma: payouts in the order of the '
  'outcomes. split, merge: wallet, transaction_hash, source_ts. Else null.';

-- The newest sample of a market is looked for at each refresh of the catalogue.
create index liquidity_events_sampled on liquidity_events (market_id, observed_at) where type = 'liquidity_sampled';

create function ensure_liquidity_events_partition(day date) returns text language plpgsql as $$
declare
  name text := 'liquidity_events_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(name) is not null then
    return null;
  end if;
  execute format(
    'create table %I partition of liquidity_events for values from (%L) to (%L)',
    name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  return name;
end
$$;
comment on function ensure_liquidity_events_partition is
  'Makes the partition of one UTC day; its name, or null where it was there. Call with a lock_timeout.';
